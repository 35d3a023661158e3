"""Who holds which privilege on the tables of people: a part of the list in tests/test_walls.py."""

from __future__ import annotations

READ, WORK = "SELECT", "INSERT, SELECT, UPDATE"
PERSON = "SELECT (id, is_active, name, username)"
QUEUE = "toban_queue"
ACCOUNT_PRIVILEGES = {
    "public.accounts_channel": {
        "toban_web": WORK,
        "toban_worker": "SELECT, UPDATE (problem, problem_since, sent_at)",
        "toban_audit": READ,
        QUEUE: "SELECT (state, tenant_id)",
    },
    "public.accounts_channelsecret": {
        "toban_web": "DELETE, INSERT, SELECT, UPDATE",
        "toban_worker": "SELECT, UPDATE (sealed)",
    },
    "public.accounts_channelcursor": {"toban_worker": WORK, "toban_audit": READ},
    "public.accounts_dispatch": {
        "toban_web": "SELECT, UPDATE",
        "toban_worker": "DELETE, INSERT, SELECT, UPDATE",
        "toban_audit": READ,
    },
    "public.accounts_invitation": {"toban_web": "INSERT, SELECT, UPDATE (used_at)"},
    "public.accounts_secondfactor": {"toban_web": "DELETE, INSERT, SELECT, UPDATE (last_step)"},
    "public.accounts_recoverycode": {"toban_web": "DELETE, INSERT, SELECT, UPDATE (used_at)"},
    "public.accounts_passkey": {"toban_web": "DELETE, INSERT, SELECT, UPDATE (sign_count, used_at)"},
    "public.accounts_passkeyquestion": {"toban_web": "DELETE, INSERT, SELECT"},
    "public.accounts_apitoken": {
        "toban_web": "INSERT, SELECT, UPDATE (ended_at, ended_by_name, used_at, used_from)"
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
