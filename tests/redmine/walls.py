"""Who holds which privilege on the tables of servers and tickets: a part of the list in tests/test_walls.py."""

from __future__ import annotations

READ, WORK, FULL = "SELECT", "INSERT, SELECT, UPDATE", "DELETE, INSERT, SELECT, UPDATE"
SEEN = "bot_id, caught_up_seq, followed_seq, key_field, polled_at, polled_to, probed_at, problem, problem_since, reconciled_at, report, unread"
LOOKED = (
    "failures, heads, hints, hook_refused_at, looked_at, next_at, polled_at, problem, problem_detail, problem_since, "
    "redmine_repository, removal, report, rule, rule_proof, silent, synced_at, unproven"
)
TICKET_PRIVILEGES = {
    "public.redmine_sync_redmineserver": {
        "toban_web": WORK,
        "toban_worker": f"SELECT, UPDATE ({SEEN})",
        "toban_scheduler": READ,
        "toban_audit": READ,
        "toban_queue": "SELECT (id, probe_asked_at, probed_at, state, tenant_id)",
    },
    "public.redmine_sync_redminekey": {"toban_web": FULL, "toban_worker": "SELECT, UPDATE (hook, sealed)"},
    "public.redmine_sync_ticketrule": {"toban_web": FULL, "toban_worker": READ, "toban_audit": READ},
    "public.redmine_sync_ticket": {
        "toban_web": "SELECT, UPDATE",
        "toban_worker": FULL,
        "toban_audit": READ,
    },
    "public.redmine_sync_repository": {
        "toban_web": WORK,
        "toban_worker": f"SELECT, UPDATE ({LOOKED})",
        "toban_scheduler": READ,
        "toban_audit": READ,
        "toban_queue": "SELECT (id, look_asked_at, looked_at, next_at, redmine_identifier, removal, state, tenant_id)",
    },
    "public.redmine_sync_repositorysecret": {
        "toban_web": FULL,
        "toban_worker": "DELETE, SELECT, UPDATE (place, sealed)",
    },
    "public.redmine_sync_servicekey": {"toban_web": FULL, "toban_worker": "SELECT, UPDATE (sealed)"},
    "public.redmine_sync_syncrun": {
        "toban_web": WORK,
        "toban_worker": WORK,
        "toban_audit": READ,
        "toban_queue": "SELECT (repository_id, state, tenant_id)",
    },
    "public.redmine_sync_delivery": {"toban_web": WORK, "toban_worker": READ, "toban_audit": READ},
    "public.redmine_sync_entry": {"toban_web": WORK, "toban_worker": FULL, "toban_audit": READ},
}
