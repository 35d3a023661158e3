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
#: Reviewed: who writes without being told who acts, and why that is right.
TICKET_WRITERS = {
    "redmine_sync/operations/connecting.py:probe": "a look at a server",
    "redmine_sync/operations/connecting.py:probe_if_asked": "a look at a server",
    "redmine_sync/operations/fetching.py:serve": "the worker is named; its runs name who asked",
    "redmine_sync/operations/looking.py:look_if_asked": "a look at a server",
    "redmine_sync/operations/receiving.py:ask": "a run names who asked",
    "redmine_sync/operations/receiving.py:note_refused": "somebody whom no signature names",
    "redmine_sync/operations/receiving.py:receive": "GitHub, whom the signature names",
    "redmine_sync/operations/waking.py:hear": "a Redmine, which the signature names",
    "redmine_sync/operations/registering.py:apply_register": "a kind's own work, inside the confirmation that names the person",
    "redmine_sync/operations/registering.py:apply_repin": "a kind's own work, inside the confirmation that names the person",
    "redmine_sync/operations/repository_keys.py:make_deploy_key": "a part of what the caller records",
    "redmine_sync/operations/repository_keys.py:make_hook_secret": "a part of what the caller records",
    "redmine_sync/operations/repository_leaving.py:apply_leave": "a kind's own work, inside the confirmation that names the person",
    "redmine_sync/operations/repository_leaving.py:remove_mirror_if_asked": "a worker, asked by the person whom the step names",
    "redmine_sync/operations/statuses.py:is_closed": "a part of a visit, which names the worker",
    "redmine_sync/operations/statuses.py:note_statuses": "a part of a visit, which names the worker",
    "redmine_sync/operations/telling_redmine.py:backfill_some": "a part of a visit, which names the worker",
    "redmine_sync/operations/sending.py:serve": "the worker is named; each entry rests on an event that names its actor",
}
