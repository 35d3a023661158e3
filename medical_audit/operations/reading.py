"""Looking into the ledger is itself recorded: who read what, and under which filter."""

from dataclasses import asdict, dataclass
from datetime import datetime

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import VerificationRun
from medical_audit.operations.ledger import record
from medical_audit.queries import events, sessions, verifications
from medical_audit.queries.events import Chain, EventChoices, EventFilter
from medical_audit.queries.paging import Cursors, Page
from medical_audit.queries.sessions import Account, SessionFilter
from medical_audit.queries.verifications import VerificationView


@dataclass(frozen=True, slots=True)
class LedgerView:
    page: Page
    chain: Chain
    choices: EventChoices
    verification: VerificationRun | None


def read_ledger(wanted: EventFilter, cursors: Cursors, *, actor: Actor, now: datetime) -> LedgerView:
    """One page of the ledger with what a page says round it. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    seen = LedgerView(
        events.list_events(wanted, cursors, actor=actor),
        events.chain_of(actor=actor),
        events.event_choices(actor=actor),
        verifications.last_finished(actor=actor),
    )
    asked = {
        name: utc_text(value) if isinstance(value, datetime) else value
        for name, value in asdict(wanted).items()
        if value
    }
    detail: dict[str, object] = {"events": len(seen.page.rows), "filter": asked}
    record(
        "ledger.viewed", actor=actor, subject=Subject("tenant", str(actor.tenant_id)), now=now, detail=detail
    )
    return seen


@dataclass(frozen=True, slots=True)
class SessionsView:
    page: Page
    account: Account


def read_sessions(
    wanted: SessionFilter, since: datetime, until: datetime, cursors: Cursors, *, actor: Actor, now: datetime
) -> SessionsView:
    """The sessions of [since, until), added up and listed. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    seen = SessionsView(
        sessions.list_visits(wanted, since, until, cursors, actor=actor),
        sessions.account_of(since, until, actor=actor, now=now),
    )
    detail: dict[str, object] = {
        "since": utc_text(since),
        "until": utc_text(until),
        "sessions": len(seen.page.rows),
        "filter": {name: value for name, value in asdict(wanted).items() if value},
    }
    subject = Subject("tenant", str(actor.tenant_id))
    record("ledger.sessions_viewed", actor=actor, subject=subject, now=now, detail=detail)
    return seen


def read_verification(*, actor: Actor, now: datetime) -> VerificationView:
    """What the verification page shows. Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    seen = verifications.verification_view(actor=actor)
    record(
        "ledger.viewed",
        actor=actor,
        subject=Subject("tenant", str(actor.tenant_id)),
        now=now,
        detail={"page": "verification"},
    )
    return seen
