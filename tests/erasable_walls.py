"""Reviewed: which columns an erasure (ADR 19) may empty, as the ledger's own role that nobody logs in as."""

from __future__ import annotations

#: table -> (the columns by which a person is found, the columns that are emptied)
ERASABLE: dict[str, tuple[str, str]] = {
    "accounts_apitoken": ("", "ended_by_name"),
    "accounts_channel": ("person_id", "confirmed_by_name person_name"),
    "accounts_dispatch": ("", "body"),
    "accounts_memberterms": ("holder_id user_id", "email holder_name"),
    "accounts_recertification": ("", "begun_by_name"),
    "accounts_recertificationitem": ("decided_by_id", "decided_by_name"),
    "accounts_noticechoice": ("person_id", "address person_name"),
    "accounts_noticedelivery": ("person_id", "address person_name"),
    "accounts_passkey": ("user_id", "name"),
    "accounts_signonlink": ("user_id", "subject"),
    "accounts_user": ("id", "email name username"),
    "infra_accountsetup": ("started_by_id", "started_by_name"),
    "infra_assignment": ("confirmed_by_id", "confirmed_by_name"),
    "infra_awsaccount": ("automation_confirmed_by_id", "automation_confirmed_by_name"),
    "infra_heldround": ("released_by_id", "released_by_name"),
    "infra_holidayfeed": ("", "changed_by_name"),
    "infra_holidaylist": ("", "received_by_name"),
    "infra_namedschedule": ("published_by_id", "published_by_name"),
    "infra_override": ("confirmed_by_id entered_by_id", "confirmed_by_name ended_by_name entered_by_name"),
    "infra_price": ("", "changed_by_name"),
    "infra_project": ("", "confirmed_by_name"),
    "infra_resource": ("", "owed"),
    "infra_revision": ("created_by_id", "created_by_name"),
    "infra_taggingrule": ("confirmed_by_id", "confirmed_by_name"),
    "infra_volume": ("", "snoozed_by_name"),
    "infra_volumesnapshot": ("", "snoozed_by_name"),
    "medical_audit_accessreview": ("begun_by_id", "begun_by_name signed_by_name"),
    "medical_audit_anomaly": ("person_id", "person_name"),
    "medical_audit_confirmation": ("person_id", "person_name"),
    "medical_audit_delegation": ("principal_id proxy_id", "principal_name proxy_name"),
    "medical_audit_deputy": ("deputy_id principal_id", "deputy_name principal_name"),
    "medical_audit_emergency": (
        "opened_by_id person_id",
        "asked_by_name opened_by_name person_name reviewed_by_name",
    ),
    "medical_audit_reviewitem": ("actor_id judged_by_id", "actor_name judged_by_name"),
    "medical_audit_session": (
        "ended_by_id user_id",
        "address address_raw device ended_by_name user_agent user_name",
    ),
    "medical_audit_storedanswer": ("", "answer"),
    "medical_audit_verificationrun": ("asked_by_id", "asked_by_name"),
    "medical_audit_visit": ("ended_by_id user_id", "address address_raw device ended_by_name user_name"),
    "redmine_sync_entry": ("", "event"),
    "redmine_sync_redmineserver": ("", "confirmed_by_name drafted_by_name"),
    "redmine_sync_repository": ("", "confirmed_by_name drafted_by_name removal"),
    "redmine_sync_syncrun": ("", "asked_by_name"),
    "redmine_sync_ticket": ("", "last_note last_note_by target_name"),
    "redmine_sync_ticketrule": ("", "confirmed_by_name"),
}
#: Tables that belong to no tenant: their rows are emptied when the last tenant erases the person.
EVERYWHERE = {"accounts_passkey", "accounts_user", "medical_audit_session"}


def _granted(table: str) -> str:
    found, emptied = (one.split() for one in ERASABLE[table])
    seen = sorted({*found, *emptied, *([] if table in EVERYWHERE else ["tenant_id"])})
    return f"SELECT ({', '.join(seen)}), UPDATE ({', '.join(emptied)})"


ERASER_PRIVILEGES: dict[str, str] = {
    **{f"public.{table}": _granted(table) for table in ERASABLE},
    # Also what is judged before events or keys go, and operations' own content about a person.
    "public.medical_audit_operation": (
        "SELECT (authority, confirmed_by_id, confirmed_by_name, entered_by_id, entered_by_name, entered_by_type, id, kind, "
        "on_behalf_of_id, on_behalf_of_name, outcome_detail, parameters, shown, state, target_name, tenant_id), "
        "UPDATE (authority, confirmed_by_name, entered_by_name, on_behalf_of_name, outcome_detail, parameters, shown, target_name)"
    ),
    "public.medical_audit_retention": "SELECT (hold, person_months, tenant_id, years)",
    # Files that were made of the ledger go with the person in them; failed tries are forgotten with the account.
    "public.medical_audit_export": (
        "SELECT (asked_by_id, asked_by_name, finished_at, state, tenant_id), UPDATE (asked_by_name, finished_at, problem, state)"
    ),
    "public.medical_audit_exportpart": "DELETE, SELECT (tenant_id)",
    "public.medical_audit_failedsignin": "DELETE, SELECT (account, day)",
}  # fmt: skip


def ledgers_policies(table: str) -> set[tuple[object, ...]]:
    """As whom the ledger's functions read and empty rows of a table; of exports' parts they delete."""
    if table not in ERASER_PRIVILEGES:
        return set()
    commands = {"*"} if table.endswith("_exportpart") else {"r", "w"}
    return {(one, True, ("toban_ledger",), "true", "") for one in commands}
