"""Sessions from their beginning to their end: each step is a row and an event, in the platform's ledger and each tenant's."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest

from medical_audit.domain.actor import NO_TENANT, Actor, Subject, system_actor
from medical_audit.domain.seats import BY_WORD, TOUCH_EVERY, End, Origin, due_end, end_event, network_of
from medical_audit.models import FailedSignIn, Session, Visit
from medical_audit.operations.ledger import record
from medical_audit.queries.policies import Policy, policy_here
from medical_audit.tenancy import platform_scope, tenant_scope


def begin(
    *,
    actor: Actor,
    origin: Origin,
    method: str,
    factors: Sequence[str],
    resumed_from: str,
    now: datetime,
    via: UUID | None = None,
    claims: Mapping[str, object] | None = None,
) -> Session:
    """A session begins: `actor` is the person, his session's name in it. Other open ones in other networks are flagged.

    `resumed_from` names the session whose seat was left or stood idle, "" for a sign-in from nothing; `via`, `claims`: whose
    identity provider vouched, and what it said. Its word alone begins no grace: for that Toban has to have seen a proof.
    """
    user_id, network = UUID(actor.id), network_of(origin.address)
    with platform_scope(user_id=user_id):
        others = Session.objects.filter(user_id=user_id, ended_at__isnull=True).exclude(network=network)
        beside = list(others.select_for_update().order_by("id"))
        session = Session(
            user_id=user_id, user_name=actor.name, name=actor.session, started_at=now, seen_at=now, active_at=now,
            proved_at=now if via is None or set(factors) - BY_WORD else None,
            address=origin.address[:64], address_raw=origin.raw[:300], network=network[:64], device=origin.device[:100],
            user_agent=origin.user_agent[:300], method=method, factors=list(factors), resumed_from=resumed_from,
            parallel_with=beside[0].name if beside else "", via=via, claims=dict(claims or {}),
        )  # fmt: skip
        session.save(force_insert=True)
        facts = _facts(session) | {"method": method, "factors": list(factors)}
        facts |= {"provider": session.claims} if session.claims else {}
        _tell("session.unlocked" if resumed_from else "session.signed_in", actor, session, now, facts)
        for other in beside:
            _flag(other, session, actor=actor, now=now)
    return session


def _flag(other: Session, session: Session, *, actor: Actor, now: datetime) -> None:
    """Two networks at once for one person: a lent password looks like this. Said wherever the other session is."""
    detail = _facts(session) | {"other_address": other.address, "other_session": other.name}
    Session.objects.filter(id=other.id, parallel_with="").update(parallel_with=session.name)
    _tell("session.parallel", actor, other, now, detail)
    for visit in Visit.own.filter(user_id=other.user_id, session=other.name, ended_at__isnull=True):
        with tenant_scope(visit.tenant_id, user_id=other.user_id):
            Visit.objects.filter(id=visit.id, parallel_with="").update(parallel_with=session.name)
            _tell("session.parallel", replace(actor, tenant_id=visit.tenant_id), visit, now, detail)


#: The zone of a day's failures, as of the months that pages show.
ZONE = ZoneInfo("Asia/Tokyo")


class SeatLost(Exception):
    """The session ended while a request of it was on its way; `how` as it ended."""

    def __init__(self, how: End) -> None:
        super().__init__(how)
        self.how = how


def attend(session: Session, *, actor: Actor, polling: bool, now: datetime) -> End | None:
    """Somebody is there: note it, unless the session has ended or ends by itself now; gives how.

    `actor`: its person, with the address that he comes from now: a second network is flagged once. A page that only refreshes
    itself (`polling`) shows that the browser lives, and prolongs nothing.
    """
    if session.ended_at is not None:
        return End(session.end)
    idle = timedelta(seconds=session.idle_s)
    due = due_end(started_at=session.started_at, active_at=session.active_at, idle=idle, now=now)
    if due is not None:
        return due
    _notice_network(session, actor=actor, now=now)
    known = session.seen_at if polling else session.active_at
    if now - known < TOUCH_EVERY:
        return None
    changes = {"seen_at": now} if polling else {"seen_at": now, "active_at": now}
    # Where another request of this session is just writing the same, waiting for it would be for nothing.
    free = Session.objects.filter(id=session.id, ended_at__isnull=True).select_for_update(skip_locked=True)
    if Session.objects.filter(id__in=list(free.values_list("id", flat=True))).update(**changes):
        for name, value in changes.items():
            setattr(session, name, value)
    return None


def _notice_network(session: Session, *, actor: Actor, now: datetime) -> None:
    """A session that is used from another network than it began in: its key may be in other hands beside its owner's."""
    network = network_of(actor.address)[:64]
    if network in (session.network, *session.elsewhere):
        return
    with platform_scope(user_id=session.user_id):
        rows = Session.objects.filter(id=session.id, ended_at__isnull=True)
        row: Session | None = rows.select_for_update(no_key=True).first()
        if row is None or network in row.elsewhere:
            return
        row.elsewhere, row.parallel_with = [*row.elsewhere, network], row.parallel_with or row.name
        rows.update(elsewhere=row.elsewhere, parallel_with=row.parallel_with)
        detail = _facts(row) | {"other_address": actor.address}
        _tell("session.elsewhere", actor, row, now, detail)
        for visit in Visit.own.filter(user_id=row.user_id, session=row.name, ended_at__isnull=True):
            with tenant_scope(visit.tenant_id, user_id=row.user_id):
                Visit.objects.filter(id=visit.id, parallel_with="").update(parallel_with=row.name)
                _tell("session.elsewhere", replace(actor, tenant_id=visit.tenant_id), visit, now, detail)
    session.elsewhere, session.parallel_with = row.elsewhere, row.parallel_with


def enter_tenant(session: Session, *, actor: Actor, polling: bool, now: datetime) -> Policy:
    """The session is in this tenant: its row here, made at the first request, and the tenant's own idle limit.

    Needs the tenant's scope, bound to the person. Gives what the tenant decided. Raises SeatLost where somebody ended it meanwhile.
    """
    policy = policy_here()
    idle_s = policy.idle_minutes * 60
    # Named, because the database shows a person where else he is as well: this must not hang on the managers alone.
    here = Visit.objects.filter(session=session.name, tenant_id=actor.tenant_id)
    visit: Visit | None = here.first()
    if visit is None:
        _hold(session)
        shared = {name: getattr(session, name) for name in ("user_id", "user_name", "address", "address_raw", "network",
                  "device", "method", "factors", "resumed_from", "parallel_with", "claims")}  # fmt: skip
        visit = Visit(
            tenant_id=actor.tenant_id,
            session=session.name,
            entered_at=now,
            active_at=now,
            idle_s=idle_s,
            **shared,
        )
        Visit.objects.bulk_create([visit], ignore_conflicts=True)
        if Visit.objects.filter(id=visit.id).exists():
            _tell("session.entered", actor, visit, now, _facts(session) | {"method": session.method})
            if session.elsewhere:
                detail = _facts(session) | {"other_address": actor.address}
                _tell("session.elsewhere", actor, visit, now, detail)
            if session.parallel_with not in ("", session.name):
                detail = _facts(session) | {"other_session": session.parallel_with}
                _tell("session.parallel", actor, visit, now, detail)
        _take_strictest(session)
    changes: dict[str, object] = {}
    if not polling and now - visit.active_at >= TOUCH_EVERY * 6:
        changes["active_at"] = Greatest(F("active_at"), now)
    if visit.idle_s != idle_s:
        changes["idle_s"] = idle_s
    if changes:
        here.filter(ended_at__isnull=True).update(**changes)
    if "idle_s" in changes:
        _take_strictest(session)
    return policy


def _hold(session: Session) -> None:
    """Until commit nobody ends it: who ends a session ends each of its visits, and must see the one that is made now."""
    ends = Session.objects.filter(id=session.id).select_for_update(no_key=True).values_list("end", flat=True)
    end = ends.first()
    if end != "":
        raise SeatLost(End(end or End.FORCED))


def _take_strictest(session: Session) -> None:
    """A session in several tenants may stand idle as long as the strictest of them allows."""
    limits = Visit.own.filter(user_id=session.user_id, session=session.name).values_list("idle_s", flat=True)
    strictest = min(limits, default=session.idle_s)
    if strictest != session.idle_s:
        Session.objects.filter(id=session.id, ended_at__isnull=True).update(idle_s=strictest)
        session.idle_s = strictest


def end(session: Session, how: End, *, actor: Actor, now: datetime, reason: str = "") -> bool:
    """End a session wherever it is; False when it had ended already. `actor`: the person, the sweeper, or who forces it.

    `actor` stands in the platform's ledger and in that of its own tenant; other tenants read that Toban did it.
    """
    ending = {"ended_at": now, "end": how, "ended_by_id": actor.id, "ended_by_name": actor.name}
    with platform_scope(user_id=session.user_id):
        if not Session.objects.filter(id=session.id, ended_at__isnull=True).update(**ending):
            return False
        session.ended_at, session.end = now, how
        detail = _facts(session) | {
            "active_at": session.active_at.isoformat(),
            "started_at": session.started_at.isoformat(),
        }
        person = actor.id == str(session.user_id)
        _tell(end_event(how), replace(actor, tenant_id=NO_TENANT), session, now, detail, reason)
        for visit in Visit.own.filter(user_id=session.user_id, session=session.name, ended_at__isnull=True):
            known = person or actor.tenant_id == visit.tenant_id
            here = replace(actor, tenant_id=visit.tenant_id) if known else keeper(visit.tenant_id)
            _end_visit(visit, how, actor=here, now=now, reason=reason if known else "")
    return True


def _end_visit(visit: Visit, how: End, *, actor: Actor, now: datetime, reason: str = "") -> None:
    ending = {"ended_at": now, "end": how, "ended_by_id": actor.id, "ended_by_name": actor.name}
    with tenant_scope(visit.tenant_id, user_id=visit.user_id):
        if Visit.objects.filter(id=visit.id, ended_at__isnull=True).update(**ending):
            detail = _facts(visit) | {
                "active_at": visit.active_at.isoformat(),
                "entered_at": visit.entered_at.isoformat(),
            }
            _tell(end_event(how), actor, visit, now, detail, reason)


def sweep(user_id: UUID, *, actor: Actor, now: datetime) -> int:
    """End what nobody ended: the browser was closed, the machine switched off, the cookie lost; and a visit whose session ended."""
    ended = 0
    with platform_scope(user_id=user_id):
        for session in Session.objects.filter(user_id=user_id, ended_at__isnull=True).order_by("started_at"):
            idle = timedelta(seconds=session.idle_s)
            due = due_end(started_at=session.started_at, active_at=session.active_at, idle=idle, now=now)
            if due is not None:
                how = End.CUT_OFF if due == End.IDLE else due
                ended += end(session, how, actor=actor, now=now)
        for visit in Visit.own.filter(user_id=user_id, ended_at__isnull=True):
            over = Session.objects.filter(name=visit.session, ended_at__isnull=False).first()
            if over is not None:
                _end_visit(visit, End(over.end), actor=keeper(visit.tenant_id), now=now)
                ended += 1
    return ended


def count_failure(account: str, address: str, *, actor: Actor, now: datetime) -> None:
    """One more failed sign-in of this account from this address; needs no scope of its own."""
    row = FailedSignIn(
        id=uuid.uuid4(),
        account=account[:64],
        address=address[:64],
        day=now.astimezone(ZONE).date(),
        last_at=now,
        count=0,
        strikes=0,
    )
    FailedSignIn.objects.bulk_create([row], ignore_conflicts=True)
    wanted = FailedSignIn.objects.filter(account=row.account, address=row.address, day=row.day)
    wanted.update(count=F("count") + 1, strikes=F("strikes") + 1, last_at=now)


def forget_failures(account: str, address: str) -> None:
    """A right password came from there: what was mistyped before no longer counts against it."""
    FailedSignIn.objects.filter(account=account[:64], address=address[:64], strikes__gt=0).update(strikes=0)


def proved(session_name: str, *, actor: Actor, now: datetime) -> None:
    """The person has just given his password or his own factor again in this session."""
    with platform_scope(user_id=UUID(actor.id)):
        Session.objects.filter(name=session_name, ended_at__isnull=True).update(proved_at=now)


def provider_proved(session_name: str, claims: Mapping[str, object], *, actor: Actor, now: datetime) -> bool:
    """The identity provider says that the person of this session has just proved himself there once more.

    False where that is no later than what let him in or than its word before: then it only says the same once more.
    """
    with platform_scope(user_id=UUID(actor.id)):
        rows = Session.objects.filter(name=session_name, ended_at__isnull=True)
        row: Session | None = rows.select_for_update(no_key=True).first()
        if row is None:
            return False
        before = [(one or {}).get("auth_time") for one in (row.claims, row.provider_proof)]
        said = datetime.fromisoformat(str(claims["auth_time"]))
        if any(said <= datetime.fromisoformat(str(one)) for one in before if one):
            return False
        rows.update(provider_proof={"at": now.isoformat(), **claims})
    return True


def take_provider_proof(
    session_name: str, *, only_strong: bool, actor: Actor, now: datetime
) -> dict[str, object] | None:
    """That word, if there is a fresh one, used up by this; None the second time.

    `only_strong`: only where the provider said that it asked for two factors; a weaker word stays for when a code comes with it.
    One that is too old goes, and proves nothing: nor does the tenant's grace begin with it.
    """
    with platform_scope(user_id=UUID(actor.id)):
        rows = Session.objects.filter(name=session_name, ended_at__isnull=True, provider_proof__isnull=False)
        row = rows.select_for_update(no_key=True).first()
        kept: dict[str, object] = row.provider_proof if row is not None and row.provider_proof else {}
        if row is None or kept.get("taken") or (only_strong and not kept["strong"]):
            return None
        age = now - datetime.fromisoformat(str(kept["at"]))
        counts = age <= timedelta(seconds=settings.REAUTHENTICATION_VALID_S)
        rows.filter(id=row.id).update(
            provider_proof={"taken": True, "auth_time": kept["auth_time"]},
            proved_at=now if counts else F("proved_at"),
        )
    return kept if counts else None


def keeper(tenant_id: UUID) -> Actor:
    """Toban itself, ending what nobody ended."""
    return system_actor(tenant_id, "sessions")


def _facts(row: Session | Visit) -> dict[str, object]:
    name = row.name if isinstance(row, Session) else row.session
    facts = {"session": name, "address": row.address, "device": row.device, "resumed_from": row.resumed_from}
    return {key: value for key, value in facts.items() if value}


def _tell(
    kind: str, actor: Actor, row: Session | Visit, now: datetime, detail: dict[str, object], reason: str = ""
) -> None:
    subject = Subject("user", str(row.user_id), row.user_name)
    record(kind, actor=actor, subject=subject, now=now, reason=reason, detail=detail)
