"""Reviewed: who writes without being told who acts, a part of the list in tests/test_laws.py."""

OWN = "a kind's own work, inside the confirmation that names the person"
WITHOUT_ACTOR_HERE = {
    "accounts/operations/channels.py:apply_change": OWN,
    "accounts/operations/channels.py:apply_end": OWN,
    "accounts/operations/channels.py:apply_open": OWN,
    "accounts/operations/channels.py:apply_rotate": OWN,
    "accounts/operations/channels.py:end": "a part of what the caller records",
    "accounts/operations/dispatching.py:serve": "the worker is named; each message rests on an event that names its actor",
    "accounts/operations/following.py:follow": "the same",
    "infra/operations/projects.py:apply": OWN,
    "infra/operations/projects.py:apply_end": OWN,
    "medical_audit/operations/answers.py:forget_over": "an answer that nobody can ask for any more; nobody asked that it goes",
    "redmine_sync/operations/connecting.py:apply_connect": OWN,
    "redmine_sync/operations/connecting.py:apply_leave": OWN,
    "redmine_sync/operations/ruling.py:apply": OWN,
    "redmine_sync/operations/ruling.py:apply_end": OWN,
}
