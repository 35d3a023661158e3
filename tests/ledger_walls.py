"""Reviewed: who may do what with the tables and functions of the ledger's own schema. tests/test_walls.py compares."""

from __future__ import annotations

READ = "SELECT"

#: Written by functions only; nothing points at it.
LEDGER = {"ledger.event", "ledger.link", "ledger.head", "ledger.tree_head"}
LEDGER_WITHOUT_TENANT = {
    "ledger.catalogue": "digests of what guards the ledger",
    "ledger.checkpoint": "seals over all tenants: numbers, times and hashes",
    "ledger.duty": "how the sealer's duties stand",
    "ledger.maintenance": "who may change the ledger's catalogue, until when",
}
LEDGER_PRIVILEGES: dict[str, dict[str, str]] = {
    "ledger.event": {"toban_web": READ, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
    "ledger.link": {"toban_web": READ, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
    "ledger.catalogue": {"toban_web": READ, "toban_audit": READ},
    "ledger.checkpoint": {"toban_web": READ, "toban_audit": READ},
    "ledger.duty": {"toban_web": READ, "toban_audit": READ},
    "ledger.maintenance": {},
    "ledger.tree_head": {
        "toban_web": READ,
        "toban_worker": READ,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "ledger.head": {"toban_web": READ, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
}
LEDGER_FUNCTIONS: dict[str, set[str]] = {
    "ledger.log": {"toban_web", "toban_worker", "toban_scheduler", "toban_audit"},
    "ledger.chains": {"toban_audit"},
    "ledger.ensure_partitions": {"toban_owner", "toban_scheduler"},
    "ledger.link_transaction": set(),
    "ledger.seal": {"toban_audit"},
    "ledger.progress": {"toban_audit"},
    "ledger.grown": {"toban_audit"},
    "ledger.report_duty": {"toban_audit"},
    "ledger.catalogue_digest": set(),
    "ledger.open_maintenance": {"toban_owner"},
    "ledger.say_maintenance": set(),
    "ledger.close_maintenance": {"toban_owner"},
    "ledger.require_event": {"toban_owner"},
    "ledger.require_event_about": {"toban_owner"},
}
