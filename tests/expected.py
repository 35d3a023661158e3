"""What an address answers each role, and the whole table of the API's addresses; tests/test_matrix.py asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import config.urls  # noqa: F401  every app's windows are open
from accounts.domain.permissions import Role
from medical_audit.admin.site import site
from medical_audit.queries.reports import REPORTS

V, O, P, A, U = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR  # noqa: E741
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNSAFE = METHODS[1:]
Statuses = dict[Role, int]


def everyone(status: int) -> Statuses:
    return dict.fromkeys(Role, status)


def only(roles: tuple[Role, ...], status: int, otherwise: int = 403) -> Statuses:
    return {role: status if role in roles else otherwise for role in Role}


@dataclass(frozen=True)
class Expected:
    """What each role is answered by method; a method that is not named is 405. `anonymous`: by method, or the default
    of its kind (sign-in for pages, 401 for the API)."""

    by_method: dict[str, Statuses]
    anonymous: dict[str, int] = field(default_factory=dict)


def get(statuses: Statuses, **more: Any) -> Expected:
    return Expected({"GET": statuses}, **more)


def post(statuses: Statuses, **more: Any) -> Expected:
    return Expected({"POST": statuses}, **more)


OPERATING, PLANNING = (O, P, A), (O, A)

#: An entry without its body or reason is refused (400) to those who may enter it.
API: dict[str, Expected] = {
    "api:tenants": get(everyone(200)),
    "api:resources": get(everyone(200)),
    "api:resource": get(everyone(200)),
    "api:volumes": get(everyone(200)),
    "api:operations": Expected({"GET": everyone(200), "POST": only(OPERATING, 201)}),
    "api:operation": get(everyone(200)),
    "api:operation-confirm": post(only(OPERATING, 400)),
    "api:operation-reject": post(only((P, A), 400)),
    "api:operation-withdraw": post(only((O,), 200)),
    "api:operation-cancel": post(only(OPERATING, 400)),
    "api:operation-correct": post(only(OPERATING, 400)),
    "api:me": get(everyone(200)),
    "api:tokens": get(everyone(200)),
    "api:token": Expected({"DELETE": everyone(404)}),
    "api:channels": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:channel": Expected({"GET": everyone(404), "PUT": everyone(404), "DELETE": everyone(404)}),
    "api:channel-rotate": post(everyone(404)),
    "api:channel-dispatches": get(everyone(404)),
    "api:dispatch-replay": post(everyone(404)),
    "api:dispatch-discard": post(everyone(404)),
    "api:inbox": get(everyone(200)),
    "api:inbox-waiting": get(everyone(200)),
    "api:inbox-read": post(everyone(400)),
    "api:inbox-choice": Expected({"GET": everyone(200), "PUT": everyone(400)}),
    "api:left-over": get(everyone(200)),
    "api:left-over-money": get(everyone(200)),
    "api:left-over-keep": post(only(PLANNING, 400)),
    "api:left-over-delete": post(only(PLANNING, 400)),
    "api:volume": get(everyone(200)),
    "api:volume-delete": post(only(PLANNING, 400)),
    "api:volume-restore": post(only(PLANNING, 400)),
    "api:databases": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:database": get(everyone(200)),
    "api:database-snapshot": post(only(OPERATING, 400)),
    "api:snapshots": get(everyone(200)),
    "api:snapshot": Expected({"GET": everyone(200), "DELETE": only(PLANNING, 400)}),
    "api:campaigns": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:campaign": get(everyone(200)),
    "api:campaign-end": post(only(PLANNING, 400)),
    "api:holiday-lists": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:holiday-list-adopt": post(everyone(404)),
    "api:holiday-list-turn-down": post(everyone(404)),
    "api:holiday-feeds": Expected({"GET": everyone(200), "PUT": only(PLANNING, 400)}),
    "api:planning": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:planning-look": post(only(PLANNING, 400)),
    "api:prices": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:emergencies": Expected({"GET": everyone(200), "POST": only((V, O), 400)}),
    "api:emergency": get(everyone(404)),
    "api:emergency-close": post(everyone(404)),
    "api:emergency-review": post(everyone(404)),
    "api:anomalies": get(only((A, U), 200)),
    "api:anomaly-limits": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:reviews": Expected({"GET": only((A, U), 200), "POST": only((A, U), 400)}),
    "api:review": get(everyone(404)),
    "api:review-items": get(everyone(404)),
    "api:review-judge": post(everyone(404)),
    "api:review-sign-off": post(everyone(404)),
    "api:exports": Expected({"GET": only((A, U), 200), "POST": only((A, U), 400)}),
    "api:export": get(everyone(404)),
    "api:export-file": get(everyone(404)),
    **{f"api:report-{name}": get(only((A, U), 200)) for name in REPORTS},
    "api:retention": Expected({"GET": only((A, U), 200), "POST": only((A,), 400)}),
    "api:retention-purge": post(only((A,), 400)),
    "api:left-over-tickets": post(only(PLANNING, 400)),
    "api:ticket-entries": get(everyone(200)),
    "api:ticket-entry-retry": post(everyone(404)),
    "api:ticket-entry-discard": post(everyone(404)),
    "api:ticket-push": post(everyone(404)),
    "api:ticket-take": post(everyone(404)),
    "api:repositories": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:repository": Expected({"GET": everyone(200), "DELETE": only((A,), 404)}),
    "api:repository-deliveries": get(everyone(200)),
    "api:repository-fetch": post(only(OPERATING, 202)),
    "api:repository-enter": post(only((A,), 400)),
    "api:projects": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:project": Expected({"GET": everyone(404), "PUT": everyone(404), "DELETE": everyone(404)}),
    "api:accounts": get(everyone(200)),
    "api:account": get(everyone(200)),
    "api:account-automation": post(only((A,), 400)),
    "api:account-regions": Expected({"GET": only((A,), 200), "PUT": only((A,), 400)}),
    "api:account-features": Expected({"GET": only((A,), 200), "PUT": only((A,), 400)}),
    "api:account-organization": get(only((A,), 200)),
    "api:account-organization-switch-on": post(only((A,), 200)),
    "api:account-organization-list": post(only((A,), 422)),
    "api:account-organization-begin": post(only((A,), 400)),
    "api:account-rollout": get(only((A,), 200)),
    "api:account-rollout-template": get(only((A,), 200)),
    "api:account-rollout-prove": post(only((A,), 202)),
    "api:account-rollout-take-in": post(only((A,), 200)),
    "api:account-setups": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:account-setup": Expected({"GET": only((A,), 200), "DELETE": only((A,), 204)}),
    "api:account-setup-template": get(only((A,), 200)),
    "api:account-setup-prove": post(only((A,), 202)),
    "api:account-setup-take-in": post(only((A,), 422)),
    "api:schedules": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:schedule": get(everyone(200)),
    "api:schedule-draft": Expected(
        {"GET": everyone(200), "PUT": only(PLANNING, 400), "DELETE": only(PLANNING, 428)}
    ),
    "api:schedule-publish": post(only(PLANNING, 400)),
    "api:schedule-archive": post(only(PLANNING, 400)),
    "api:schedule-restore": post(only(PLANNING, 400)),
    "api:assignments": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:calendar": get(everyone(200)),
    "api:calendar-changes": post(only(PLANNING, 400)),
    "api:overrides": Expected({"GET": everyone(200), "POST": only(OPERATING, 400)}),
    "api:override-end": post(everyone(404)),
    "api:rules": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:sessions": get(only((A, U), 200)),
    "api:session-end": post(everyone(404)),
    "api:verification": Expected({"GET": only((A, U), 200), "POST": only((A, U), 202)}),
    "api:policy": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:confirm-policies": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:delegations": Expected({"GET": everyone(200), "POST": only(OPERATING, 400)}),
    "api:delegation-end": post(everyone(404)),
    "api:deputies": Expected({"GET": everyone(200), "POST": only(OPERATING, 400)}),
    "api:tickets": get(everyone(200)),
    "api-schema": get(everyone(200), anonymous=dict.fromkeys(METHODS, 401)),
    "api-docs": get(everyone(200), anonymous={"GET": 302}),
    "api:events": get(only((A, U), 200)),
    "api:event": get(everyone(404)),
    "api:queue": get(everyone(200)),
    "api:own-history": get(everyone(200)),
    "api:own-proxies": get(everyone(200)),
    "api:own-sessions": get(everyone(200)),
    "api:searches": Expected({"GET": only((A, U), 200), "POST": only((A, U), 400)}),
    "api:search": Expected({"DELETE": everyone(404)}),
    "api:audit": get(only((A, U), 200)),
    "api:clock": get(only((A, U), 200)),
    "api:requirements": get(only((A, U), 200)),
    "api:retention-purge-end": post(only((A,), 400)),
    "api:members": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:member-admit": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:admission-take-back": Expected({"DELETE": everyone(404)}),
    "api:member": get(everyone(404)),
    **{
        f"api:member-{name}": post(everyone(404))
        for name in ("grant", "revoke", "close", "reissue", "tokens", "unbind")
    },
    "api:member-terms": Expected({"PUT": everyone(404)}),
    "api:roles": get(everyone(200)),
    "api:rights": Expected({"GET": everyone(200), "POST": only((A,), 201)}),
    "api:rights-decide": post(only((A,), 400)),
    "api:roster": post(only((A,), 400)),
    "api:roster-look": post(only((A,), 400)),
    "api:readable": Expected({"GET": only((A, U), 200), "POST": only((A,), 400)}),
    "api:sign-on": Expected({"GET": only((A, U), 200), "PUT": only((A,), 400)}),
    "api:sign-on-mode": Expected({"PUT": only((A,), 400)}),
    "api:channel-replay": post(everyone(404)),
    "api:inbox-deliveries": get(everyone(200)),
    "api:today": get(everyone(200)),
    "api:left-over-months": get(everyone(200)),
    "api:staying": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:left-snapshots": get(everyone(200)),
    "api:left-snapshots-money": get(everyone(200)),
    "api:left-snapshots-keep": post(only(PLANNING, 400)),
    "api:left-snapshots-delete": post(only(PLANNING, 400)),
    "api:tagging": get(everyone(200)),
    "api:tagging-rules": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:tagging-rules-look": post(only((A,), 400)),
    "api:tagging-account": get(everyone(200)),
    "api:tagging-runs": get(everyone(200)),
    "api:tagging-run": get(everyone(404)),
    "api:tagging-run-undo": post(everyone(404)),
    "api:databases-explain": post(only(OPERATING, 400)),
    "api:database-places": get(everyone(200)),
    "api:database-remove": post(only(PLANNING, 400)),
    "api:database-reach": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:reach-close": post(only(PLANNING, 400)),
    "api:database-hosts": get(everyone(200)),
    "api:database-diagnose": post(only(OPERATING, 200)),
    "api:snapshot-restore": Expected({"GET": everyone(200), "POST": only(PLANNING, 400)}),
    "api:snapshot-copy": post(only(PLANNING, 400)),
    "api:campaign-check": post(only(OPERATING, 400)),
    "api:holiday-feed-fetch": post(everyone(404)),
    "api:planning-schema": get(everyone(200)),
    "api:account-prove": post(only((A,), 202)),
    "api:schedule-compare": get(everyone(404)),  # there is one revision only
    "api:schedule-forecast": get(everyone(200)),
    "api:redmine": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    **{f"api:redmine-{name}": post(everyone(404)) for name in ("look", "connect", "leave")},
    "api:redmine-hook": Expected({"POST": everyone(404), "DELETE": everyone(404)}),
    "api:ticket-rules": Expected({"GET": everyone(200), "POST": only((A,), 400)}),
    "api:ticket-rule-end": post(everyone(404)),
    "api:repository-look": post(only((A,), 202)),
    "api:repository-backfill": post(only((A,), 202)),
    "api:repository-keys": Expected({"GET": everyone(200), "POST": only((A,), 404)}),
    "api:repository-secret": Expected({"POST": only((A,), 201), "DELETE": only((A,), 204)}),
    "api:repository-service-key": Expected({"PUT": only((A,), 400)}),
    "api:repository-step": post(only((A,), 400)),
    "api:repository-end": post(only((A,), 404)),
}

#: Django's admin: its first page, one list and one row, for all of them.
ADMIN = (
    "admin:index", "admin:medical_audit_event_changelist", "admin:accounts_membership_changelist",
    "admin:medical_audit_operation_change",
)  # fmt: skip
WINDOWS = {
    name: get(only((A, U), 200))
    for name in ("admin:index", *(f"admin:{one.code.replace('.', '_')}_change" for one in site.windows()))
} | {
    # Without a form and a purpose it is no file; events are exported where the ledger is.
    f"admin:{one.code.replace('.', '_')}_changelist": Expected(
        {"GET": only((A, U), 200)} | ({} if one.exported else {"POST": only((A, U), 422)})
    )
    for one in site.windows()
}
#: Read, or taken as a file, which asks what for.
REPORT = Expected({"GET": only((A, U), 200), "POST": only((A, U), 422)})

#: Pages about databases and their snapshots; a form that is not filled in is 422.
DATABASE_PAGES: dict[str, Expected] = {
    "infra:databases": get(everyone(200)),
    "infra:database": get(everyone(200)),
    "infra:database-snapshot": Expected({"GET": only(OPERATING, 200), "POST": only(OPERATING, 422)}),
    "infra:snapshot-copy": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:snapshot-restore": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:database-diagnose": Expected({"GET": only(OPERATING, 200), "POST": only(OPERATING, 200)}),
    "infra:database-new": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:database-remove": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:snapshots": get(everyone(200)),
    "infra:reach-open": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:reach-close": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:rotations": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:rotation": get(everyone(200)),
    "infra:rotation-check": post(only(OPERATING, 404)),
    "infra:rotation-end": post(only(PLANNING, 422)),
    "infra:snapshot": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
}

#: Where events go outside; a receiver that is not there is 404 for everybody.
CHANNEL_PAGES: dict[str, Expected] = {
    "people:channels": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "people:channel": Expected({"GET": everyone(404), "POST": everyone(404)}),
    "people:channel-do": post(everyone(404)),
    "people:dispatch-decide": post(everyone(404)),
}

#: What has a table of its own here.
PROJECT_PAGES: dict[str, Expected] = {
    "infra:projects": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:project-change": Expected({"GET": everyone(404), "POST": everyone(404)}),
    "infra:project-end": post(everyone(404)),
}
PEOPLE_PAGES: dict[str, Expected] = {
    "accounts:admissions": get(everyone(200), anonymous={"GET": 302}),
    "accounts:admission": post(everyone(404), anonymous={"POST": 302}),
    "people:member-admit": post(only((A,), 422)),
    "people:admission-take-back": post(everyone(404)),
    "people:reconcile": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "people:rights": Expected({"GET": everyone(200), "POST": only((A,), 422)}),
    "people:sign-on": Expected({"GET": only((A, U), 200), "POST": only((A,), 422)}),
    "accounts:sign-on": get(everyone(404), anonymous={"GET": 404}),
    "accounts:sign-on-ended": Expected({"POST": everyone(404)}, {"POST": 404}),
    "accounts:sign-on-back": get(everyone(404), anonymous={"GET": 404}),
}
PAGES = WINDOWS | DATABASE_PAGES | CHANNEL_PAGES | PROJECT_PAGES | PEOPLE_PAGES

#: Pages about what happened.
READING = [
    "audit",
    "anomalies",
    "reviews",
    "reports",
    "requirements",
    "clock",
    "sessions",
    "ledger",
    "verification",
]
#: What shows a thing that is not here.
UNSEEN = ["event", "export-file", "emergency", "review"]
#: What acts on a thing that is not here.
NOT_HERE = [
    "emergency-close",
    "emergency-review",
    "review-judge",
    "review-sign",
    "search-forget",
    "session-end",
    "delegation-end",
]

VOLUMES: dict[str, Expected] = {
    "infra:left-snapshots": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:staying": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:tagging": get(everyone(200)),
    "infra:tagging-rules": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:tagging-account": get(everyone(200)),
    "infra:tagging-run": Expected({"GET": everyone(404), "POST": everyone(404)}),
    "infra:volume-delete": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
    "infra:left-over": Expected({"GET": everyone(200), "POST": only(PLANNING, 422)}),
    "infra:left-over-months": get(everyone(200)),
    "infra:volume-restore": Expected({"GET": only(PLANNING, 200), "POST": only(PLANNING, 422)}),
}

#: Pages of AWS accounts.
ACCOUNTS: dict[str, Expected] = {
    "infra:accounts": get(everyone(200)),
    "infra:account": get(everyone(200)),
    "infra:account-new": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:account-setup": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:account-template": get(only((A,), 200)),
    "infra:account-prove": post(only((A,), 302)),
    "infra:account-organization": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:rollout": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:rollout-template": get(only((A,), 200)),
    "infra:account-automation": post(only((A,), 422)),
    "infra:account-regions": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
    "infra:account-features": Expected({"GET": only((A,), 200), "POST": only((A,), 422)}),
}
