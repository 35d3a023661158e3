"""The auditor's first view: is the record complete, is it intact, what is unusual, what must be signed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Anomaly, Heartbeat, Operation, VerificationRun
from medical_audit.queries.anomalies import Watch, anomaly_counts, watch_of
from medical_audit.queries.clocks import ClockNow, clock_now
from medical_audit.queries.emergencies import unreviewed
from medical_audit.queries.operations import awaiting
from medical_audit.queries.policies import policy_here
from medical_audit.queries.reviews import MonthDue, months_due
from medical_audit.queries.sessions import Account, account_of
from medical_audit.queries.verifications import VerificationView, verification_view

#: A ledger that nobody verified for so long is not known to be intact.
VERIFIED_WITHIN = timedelta(days=7)
NEWEST = 8
SWEEP_LATE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Complete:
    """Does every event have its place, every session its end, every minute its seal and its measured clock?"""

    events: int
    sealed: int
    account: Account
    seal: str
    clock: ClockNow
    watch: Watch
    sweeper_late: bool

    @property
    def code(self) -> str:
        if self.seal in ("late", "withheld") or not self.account.adds_up or self.clock.code == "over":
            return "bad"
        small = self.sweeper_late or self.watch.late or self.seal == "never" or not self.clock.is_well
        return "mind" if small else "good"


@dataclass(frozen=True, slots=True)
class Intact:
    """What the last verification found, how long ago, and whether copies outside the database can tell."""

    last: VerificationRun | None
    old: bool
    view: VerificationView

    @property
    def behind(self) -> list[str]:
        late = [stream.name for stream in self.view.streams if stream.is_late]
        return [anchor.name for anchor in self.view.anchors if anchor.behind] + late

    @property
    def code(self) -> str:
        if self.last is not None and self.last.verdict == "damaged":
            return "bad"
        small = self.last is None or self.last.verdict != "intact" or self.old
        return "mind" if small or self.behind or not self.view.anchors else "good"


@dataclass(frozen=True, slots=True)
class Unusual:
    """What the rules found in the period: by rule, and the newest."""

    counts: dict[str, int]
    newest: list[Anomaly]

    @property
    def number(self) -> int:
        return sum(self.counts.values())

    @property
    def code(self) -> str:
        return "mind" if self.counts else "good"


@dataclass(frozen=True, slots=True)
class Sign:
    """What waits for a signature: ended months, what this person may confirm, how many proxy entries wait too
    long, how many openings of emergency rights nobody has reviewed."""

    months: list[MonthDue]
    mine: list[Operation]
    proxies: int
    emergencies: int

    @property
    def code(self) -> str:
        if self.emergencies or any(month.overdue for month in self.months):
            return "bad"
        return "mind" if self.months or self.mine or self.proxies else "good"


def sign_of(*, actor: Actor, now: datetime) -> Sign:
    """Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    waiting, _total = awaiting(actor=actor, now=now, limit=NEWEST)
    old = now - timedelta(hours=policy_here().escalate_hours)
    late = Operation.objects.filter(state=State.ENTERED, entered_at__lte=old).exclude(on_behalf_of_id="")
    return Sign(months_due(now), list(waiting), late.count(), unreviewed(actor=actor))


@dataclass(frozen=True, slots=True)
class Overview:
    complete: Complete
    intact: Intact
    unusual: Unusual
    sign: Sign


def overview_of(since: datetime, until: datetime, *, actor: Actor, now: datetime) -> Overview:
    """The state of the ledger now, and what is unusual in [since, until). Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    view = verification_view(actor=actor)
    swept = Heartbeat.objects.filter(name="sessions").first()
    complete = Complete(
        events=view.events,
        sealed=view.sealed,
        account=account_of(since, until, actor=actor, now=now),
        seal=view.state.code,
        clock=clock_now(now),
        watch=watch_of(actor=actor, now=now),
        sweeper_late=swept is None or now - swept.at > SWEEP_LATE,
    )
    last = view.last
    old = last is not None and last.finished_at is not None and now - last.finished_at > VERIFIED_WITHIN
    rows = Anomaly.objects.filter(at__gte=since, at__lt=until).order_by("-at", "-id")
    return Overview(
        complete,
        Intact(last, old, view),
        Unusual(anomaly_counts(since, until, actor=actor), list(rows[:NEWEST])),
        sign_of(actor=actor, now=now),
    )
