"""Looking into the ledger is itself recorded: who read what, and under which filter."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.recorded import Recorded
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Emergency, SavedSearch, VerificationRun
from medical_audit.operations.ledger import record
from medical_audit.queries import events, own, sessions, verifications
from medical_audit.queries.emergencies import Acts, acts_of
from medical_audit.queries.events import Chain, EventChoices, EventFilter, LedgerRow
from medical_audit.queries.exports import list_exports, recorded_of
from medical_audit.queries.paging import Cursors, Page
from medical_audit.queries.proofs import Seal, seal_of
from medical_audit.queries.purges import RetentionView, retention_view
from medical_audit.queries.saved_searches import saved_searches
from medical_audit.queries.sessions import Account, SessionFilter
from medical_audit.queries.verifications import VerificationView

#: A search counts its results no further.
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class LedgerView:
    """`found`: how many events match, counted up to COUNTED; None where nothing was asked for."""

    page: Page
    chain: Chain
    choices: EventChoices
    verification: VerificationRun | None
    found: int | None
    saved: list[SavedSearch]


def read_ledger(wanted: EventFilter, cursors: Cursors, *, actor: Actor, now: datetime) -> LedgerView:
    """One page of the ledger with what a page says round it. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    asked = wanted.asked()
    found = events.count_up_to(wanted, COUNTED, actor=actor) if asked else None
    seen = LedgerView(
        events.list_events(wanted, cursors, actor=actor),
        events.chain_of(actor=actor),
        events.event_choices(actor=actor),
        verifications.last_finished(actor=actor),
        found,
        saved_searches(actor=actor),
    )
    detail: dict[str, object] = {"events": len(seen.page.rows)}
    if found is not None:
        detail |= {"filter": asked, "found": found, "more": found == COUNTED}
    record(
        "ledger.viewed" if found is None else "ledger.searched",
        actor=actor,
        subject=Subject("tenant", str(actor.tenant_id)),
        now=now,
        detail=detail,
    )
    return seen


@dataclass(frozen=True, slots=True)
class EventView:
    """One event in every form; `recorded` is None while its transaction has not ended, `seal` until it is sealed."""

    row: LedgerRow
    recorded: Recorded | None
    seal: Seal | None
    path: tuple[bytes, ...]


def read_event(event_id: UUID, form: str, *, actor: Actor, now: datetime) -> EventView:
    """One event as its page shows it. `form`: what is looked at (sentence, raw, dicom, fhir, proof). Raises NotFound,
    NotPermitted."""
    row = events.get_event(event_id, actor=actor)
    record(
        "ledger.event_viewed",
        actor=actor,
        subject=Subject("event", str(event_id), row.event.kind),
        now=now,
        detail={"form": form},
    )
    if row.link is None:
        return EventView(row, None, None, ())
    seal = seal_of(actor.tenant_id, row.link.seq) if form == "proof" else None
    path = () if seal is None else tuple(seal.path_of(row.link.seq))
    return EventView(row, recorded_of(row.event, row.link), seal, path)


def read_exports(cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """One page of the tenant's exports. Raises NotPermitted, Refused."""
    found = list_exports(cursors, actor=actor)
    record(
        "ledger.viewed",
        actor=actor,
        subject=Subject("tenant", str(actor.tenant_id)),
        now=now,
        detail={"page": "exports", "exports": len(found.rows)},
    )
    return found


#: The parts of a person's own history, and who reads them.
OWN_PARTS: Mapping[str, Callable[..., Page]] = {
    "did": own.own_events,
    "in_my_name": own.in_own_name,
    "sign_ins": own.own_visits,
}


def read_own(part: str, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """A page of the actor's own history (`part` of OWN_PARTS). Raises NotPermitted, Refused."""
    page = OWN_PARTS[part](cursors, actor=actor)
    _looked_at_own(part, len(page.rows), actor=actor, now=now)
    return page


def read_acts(emergency: Emergency, *, actor: Actor, now: datetime) -> Acts | None:
    """What the holder of an emergency right did while it was open: of who reads the ledger it is recorded as such a look, of the holder
    as one at his own history; None for everybody else."""
    reads, own = actor.may(LEDGER_VIEW, actor.tenant_id), actor.id == emergency.person_id
    if not reads and not own:
        return None
    acts = acts_of(emergency, actor=actor)
    if reads:
        _looked_at("emergency", actor=actor, now=now)
    else:
        _looked_at_own("emergency", len(acts.shown), actor=actor, now=now)
    return acts


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
    _looked_at("verification", actor=actor, now=now)
    return seen


def read_retention(*, actor: Actor, now: datetime) -> RetentionView:
    """What the page of the record's retention shows. Raises NotPermitted."""
    seen = retention_view(actor=actor, now=now)
    _looked_at("retention", actor=actor, now=now)
    return seen


def _looked_at_own(part: str, rows: int, *, actor: Actor, now: datetime) -> None:
    subject = Subject("user", actor.id, actor.name)
    record("ledger.own_viewed", actor=actor, subject=subject, now=now, detail={"part": part, "rows": rows})


def _looked_at(page: str, *, actor: Actor, now: datetime) -> None:
    subject = Subject("tenant", str(actor.tenant_id))
    record("ledger.viewed", actor=actor, subject=subject, now=now, detail={"page": page})
