"""Who holds which privilege on the tables of people: a part of the list in tests/test_walls.py."""

from __future__ import annotations

READ, WORK = "SELECT", "INSERT, SELECT, UPDATE"
PERSON = "SELECT (id, is_active, name, username)"
QUEUE = "toban_queue"
ACCOUNT_PRIVILEGES = {
    "public.accounts_channel": {
        "toban_web": WORK,
        "toban_worker": "SELECT, UPDATE (problem, problem_since, sent_at, state)",
        "toban_audit": READ,
        QUEUE: "SELECT (state, tenant_id)",
    },
    "public.accounts_channelsecret": {
        "toban_web": "DELETE, INSERT, SELECT, UPDATE (live, until)",
        "toban_worker": "DELETE, SELECT, UPDATE (sealed)",
    },
    "public.accounts_channelcursor": {"toban_worker": WORK, "toban_audit": READ},
    "public.accounts_dispatch": {
        "toban_web": "SELECT, UPDATE",
        "toban_worker": "DELETE, INSERT, SELECT, UPDATE",
        "toban_audit": READ,
    },
    "public.accounts_admission": {"toban_web": "INSERT, SELECT, UPDATE (answer, answered_at)"},
    "public.accounts_invitation": {"toban_web": "INSERT, SELECT, UPDATE (used_at)"},
    "public.accounts_signonprovider": {"toban_web": WORK, "toban_worker": "SELECT, UPDATE (sealed)"},
    "public.accounts_signonlink": {
        "toban_web": "INSERT, SELECT, UPDATE (ended_at, ended_operation, used_at)"
    },
    "public.accounts_secondfactor": {
        "toban_web": "DELETE, INSERT, SELECT, UPDATE (last_step)",
        "toban_worker": "SELECT, UPDATE (sealed)",
    },
    "public.accounts_recoverycode": {"toban_web": "DELETE, INSERT, SELECT, UPDATE (used_at)"},
    "public.accounts_passkey": {"toban_web": "DELETE, INSERT, SELECT, UPDATE (sign_count, used_at)"},
    "public.accounts_passkeyquestion": {"toban_web": "DELETE, INSERT, SELECT"},
    "public.accounts_apitoken": {
        "toban_web": "INSERT, SELECT, UPDATE (ended_at, ended_by_name, refusals, used_at, used_from)",
        "toban_worker": "SELECT (ended_at, expires_at, operation, tenant_id)",
        "toban_scheduler": "SELECT (ended_at, id, name, tenant_id, user_id), UPDATE (ended_at, ended_by_name)",
    },
    "public.accounts_recertification": {
        "toban_web": "INSERT, SELECT, UPDATE (closed_at)",
        "toban_scheduler": "INSERT, SELECT, UPDATE (closed_at, reminded_at)",
        "toban_audit": READ,
    },
    "public.accounts_recertificationitem": {
        "toban_web": "INSERT, SELECT, UPDATE (decided_at, decided_by_id, decided_by_name, decision, operation, reason)",
        "toban_scheduler": "INSERT, SELECT, UPDATE (decided_at, decided_by_id, decided_by_name, decision, operation, reason)",
        "toban_audit": READ,
    },
    "public.accounts_memberterms": {
        "toban_web": WORK,
        "toban_worker": READ,
        "toban_scheduler": "SELECT, UPDATE (ended_at)",
        "toban_audit": READ,
    },
    "public.accounts_membership": {
        "toban_web": "DELETE, INSERT, SELECT, UPDATE",
        "toban_worker": READ,
        "toban_scheduler": READ,
        "toban_audit": READ,
    },
    "public.accounts_noticechoice": {
        "toban_web": WORK,
        "toban_worker": "SELECT, UPDATE (mail_after, mailed_seq)",
        "toban_audit": READ,
    },
    "public.accounts_noticedelivery": {"toban_web": READ, "toban_worker": WORK, "toban_audit": READ},
    "public.accounts_tenant": {
        "toban_web": WORK,
        "toban_worker": READ,
        "toban_scheduler": READ,
        "toban_audit": READ,
        QUEUE: "SELECT (id)",
    },
    "public.accounts_user": {
        "toban_web": WORK,
        "toban_worker": PERSON,
        "toban_scheduler": PERSON,
        "toban_audit": PERSON,
    },
}
#: Who writes without being told who acts: a part of the list in tests/test_laws.py.
ACCOUNT_WRITERS = {
    "accounts/operations/turning_away.py:note_refused": "who has the token in hand is not known: the actor it records has no id",
    "accounts/operations/asking.py:ask": "a part of a kind's own work; it grants nothing before the person answers",
    "accounts/operations/erasing.py:apply_erasure": "the operation names who confirmed it",
    "accounts/operations/notices.py:prepare": "a mail to a person, whom its delivery names; nobody asked for it",
    "accounts/operations/notices.py:settle": "the mail server's answer to it",
    "accounts/operations/people.py:found_tenant": "before there is anybody; the founder's name is recorded",
    "accounts/operations/people.py:grant_first": "before there is anybody; the founder's name is recorded",
    "accounts/operations/people.py:make_user": "a person without any right yet",
    "accounts/operations/terms.py:apply_terms": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/terms.py:keep_terms": "a part of it",
    "accounts/operations/tokens.py:apply_issue": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/sign_on.py:apply_provider": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/sign_on.py:apply_switch": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/signing_on.py:come_back": "finds out who it is",
    "accounts/operations/links.py:apply_reissue": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/links.py:keep_link": "a part of it",
    "accounts/operations/links.py:void_links": "a part of it, or of the person's own first sign-on",
    "accounts/operations/members.py:apply_close": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/members.py:apply_grant": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/members.py:apply_invite": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/recertifying.py:apply_revoke": "the same, with the round that it was the last of",
    "accounts/operations/members.py:apply_revoke": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/unbinding.py:apply_unbind": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/unbinding.py:end_links": "a part of it, or of another provider's",
    "accounts/operations/signing_off.py:ended_there": "a provider's word, which names whom it means",
    "accounts/operations/signing.py:sign_in": "begins the session of the very person",
    "accounts/operations/signing.py:check_code": "finds out who it is",
    "accounts/operations/tokens.py:admit": "finds out who it is",
    "accounts/operations/tokens.py:apply": "a kind's own work, inside the confirmation that names the person",
    "accounts/operations/signing.py:check_password": "finds out who it is",
    "accounts/operations/passkeys.py:ask_to_add": "a person's question to his own device; it grants nothing",
    "accounts/operations/passkeys.py:ask_to_prove": "the same",
    "accounts/operations/passkeys.py:prove": "the person's own key is counted; who proved himself is told by the caller",
}
