"""Reviewed: who may do what with the tables and functions of the ledger's own schema. tests/test_walls.py compares."""

from __future__ import annotations

READ = "SELECT"

#: Written by functions only; nothing points at it.
LEDGER = {
    "ledger.erasure", "ledger.event", "ledger.head", "ledger.link", "ledger.loss", "ledger.person_key", "ledger.person_value",
    "ledger.tombstone", "ledger.tree_head",
}  # fmt: skip
LEDGER_WITHOUT_TENANT = {
    "ledger.catalogue": "digests of what guards the ledger",
    "ledger.checkpoint": "seals over all tenants: numbers, times and hashes",
    "ledger.duty": "how the sealer's duties stand",
    "ledger.maintenance": "who may change the ledger's catalogue, until when",
    "ledger.person_column": "which columns beside the events an erasure empties: names of tables and columns",
    "ledger.restore": "what two people signed after a restore: seals, no tenant's data",
    "ledger.stamp": "what a time-stamping authority said of seals",
}
LEDGER_PRIVILEGES: dict[str, dict[str, str]] = {
    "ledger.event": {"toban_web": READ, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
    "ledger.link": {"toban_web": READ, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
    "ledger.catalogue": {"toban_web": READ, "toban_audit": READ},
    "ledger.checkpoint": {"toban_web": READ, "toban_worker": READ, "toban_audit": READ},
    "ledger.duty": {"toban_web": READ, "toban_audit": READ},
    "ledger.loss": {"toban_web": READ, "toban_audit": READ},
    "ledger.tombstone": {"toban_web": READ, "toban_worker": READ, "toban_audit": READ},
    "ledger.maintenance": {"toban_audit": READ},
    **dict.fromkeys(
        ("ledger.erasure", "ledger.person_key", "ledger.person_value"),
        dict.fromkeys(("toban_web", "toban_worker", "toban_scheduler", "toban_audit"), READ),
    ),
    "ledger.person_column": {},
    "ledger.restore": {"toban_web": READ, "toban_audit": READ},
    "ledger.stamp": {"toban_web": READ, "toban_audit": READ},
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
    "ledger.keep_person": {"toban_web", "toban_worker", "toban_scheduler", "toban_audit"},
    "ledger.keep_value": {"toban_web", "toban_worker", "toban_scheduler", "toban_audit"},
    "ledger.reseal_person": {"toban_web", "toban_worker", "toban_scheduler"},
    "ledger.erase_person": {"toban_web"},
    "ledger.overdue_strangers": {"toban_audit"},
    "ledger.forget_stranger": {"toban_audit"},
    "ledger.forget_failures": {"toban_audit"},
    "ledger.unsigned_erasures": {"toban_audit"},
    "ledger.signed_erasures": {"toban_audit"},
    "ledger.sign_erasure": {"toban_audit"},
    "ledger.erase_again": {"toban_audit"},
    "ledger.chains": {"toban_audit"},
    "ledger.ensure_partitions": {"toban_owner", "toban_scheduler"},
    "ledger.announce_partitions": {"toban_owner", "toban_scheduler"},
    "ledger.check_announced": set(),
    "ledger.heads_at": {"toban_audit"},
    "ledger.link_transaction": set(),
    "ledger.seal": {"toban_audit"},
    "ledger.accept_restore": {"toban_audit"},
    "ledger.losses": {"toban_audit"},
    "ledger.purge": {"toban_audit"},
    "ledger.due_purges": {"toban_audit"},
    "ledger.check_tombstone": set(),
    "ledger.check_not_ended": set(),
    "ledger.keep_stamp": {"toban_audit"},
    "ledger.seal_leaves": {"toban_web", "toban_worker"},
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
#: Reviewed: role -> what it may do with exports and kept searches.
EXPORT_PRIVILEGES: dict[str, dict[str, str]] = {
    "public.medical_audit_export": {
        "toban_web": "INSERT, SELECT",
        "toban_worker": "SELECT, UPDATE",
        "toban_audit": READ,
        "toban_queue": "SELECT (expires_at, started_at, state, tenant_id)",
    },
    "public.medical_audit_exportpart": {"toban_web": READ, "toban_worker": "DELETE, INSERT, SELECT"},
    "public.medical_audit_savedsearch": {"toban_web": "DELETE, INSERT, SELECT, UPDATE"},
}
#: Reviewed: who may call what looks for due work across tenants.
QUEUE_FUNCTIONS: dict[str, set[str]] = {
    "queue.emergency_tenants": {"toban_worker", "toban_scheduler"},
    "queue.due_exports": {"toban_worker", "toban_scheduler"},
    "queue.due_feeds": {"toban_worker", "toban_scheduler"},
    "queue.due_inventories": {"toban_worker", "toban_scheduler"},
    "queue.due_verifications": {"toban_audit"},
    "queue.due_lanes": {"toban_worker", "toban_scheduler"},
    "queue.due_tenants": {"toban_worker", "toban_scheduler"},
    "queue.due_repositories": {"toban_worker", "toban_scheduler"},
    "queue.channel_tenants": {"toban_worker", "toban_scheduler"},
    "queue.hooked_redmine": {"toban_web"},
    "queue.hooked_repositories": {"toban_web", "toban_worker"},
    "queue.redmine_servers": {"toban_worker", "toban_scheduler"},
    "queue.overdue_tenants": {"toban_worker", "toban_scheduler"},
    "queue.proxy_tenants": {"toban_worker", "toban_scheduler"},
    "queue.silent_sessions": {"toban_scheduler"},
    "queue.tenants": {"toban_worker", "toban_scheduler", "toban_audit"},
}
