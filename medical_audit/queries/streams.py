"""How far each receiver of the stream has come, for the tenant that looks, and how the last stamp stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from medical_audit.domain.streams import Destination
from medical_audit.queries.seals import Duty, duties
from medical_audit.queries.stamps import newest_stamp

_WAITING = "SELECT linked_at FROM ledger.link WHERE tenant_id = %s AND seq = %s"
#: The duty of having seals stamped.
STAMP = "stamp"
#: Under this, the receiver's name and the tenant it is kept that people were told of a lag.
LATE_DUTY = "late:"
ON_ITS_WAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StreamLine:
    """`number`: the last event that is there; `behind`: how many are not, `lag`: for how long the oldest of them; `seals`: how
    many seals are not there; `problem`: a code of anchors.syslog, with its `detail`; `since`: when it last took something."""

    name: str
    address: str
    number: int
    behind: int
    lag: timedelta | None
    seals: int
    since: datetime | None
    problem: str
    detail: str

    @property
    def is_late(self) -> bool:
        """What happened a moment ago is on its way: even looking at this is an event."""
        return bool(self.problem) or (self.lag is not None and self.lag > ON_ITS_WAY)


@dataclass(frozen=True, slots=True)
class StampLine:
    """`number`: the last seal that was stamped (0: none yet), `at`: by the authority's clock; `problem`: why the next was not."""

    number: int
    at: datetime | None
    age: timedelta | None
    authority: str
    problem: str


def stream_lines(
    tenant_id: UUID, done: Mapping[str, Duty], *, events: int, newest: int, now: datetime
) -> tuple[StreamLine, ...]:
    """Those that the settings name and that take this tenant's events. `events`, `newest`: the last event and seal there are;
    `now`: the database's clock."""
    streams: Sequence[Destination] = settings.TOBAN_STREAMS
    return tuple(_line(one, tenant_id, done, events, newest, now) for one in streams if one.takes(tenant_id))


def late_streams() -> dict[str, int]:
    """Of each receiver that the settings name, how many ledgers it lags behind; of all tenants, so no tenant's name or number."""
    streams: Sequence[Destination] = settings.TOBAN_STREAMS
    late = [name for name, duty in duties().items() if name.startswith(LATE_DUTY) and duty.problem]
    return {one.name: sum(name.startswith(f"{LATE_DUTY}{one.name}:") for name in late) for one in streams}


def _line(
    one: Destination, tenant_id: UUID, found: Mapping[str, Duty], events: int, newest: int, now: datetime
) -> StreamLine:
    mine, seals = found.get(one.duty_of(tenant_id)), found.get(one.seals_duty)
    number = mine.number if mine else 0
    behind = max(0, events - number)
    waiting = _linked_at(tenant_id, number + 1) if behind else None
    done = [duty.done_at for duty in (mine, seals) if duty and duty.done_at]
    code, _, detail = ((mine and mine.problem) or (seals and seals.problem) or "").partition(": ")
    return StreamLine(
        name=one.name, address=f"{one.host}:{one.port}", number=number, behind=behind,
        lag=now - waiting if waiting else None, seals=max(0, newest - (seals.number if seals else 0)),
        since=max(done, default=None), problem=code, detail=detail,
    )  # fmt: skip


def _linked_at(tenant_id: UUID, seq: int) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [tenant_id, seq])
        row = cursor.fetchone()
    return row[0] if row else None


def stamp_line(found: Mapping[str, Duty], *, now: datetime) -> StampLine | None:
    """None where no authority is configured and none ever stamped."""
    newest, duty = newest_stamp(), found.get(STAMP)
    if newest is None and not settings.TOBAN_TSA_URL:
        return None
    return StampLine(
        number=newest.number if newest else 0,
        at=newest.at if newest else None,
        age=now - newest.at if newest else None,
        authority=newest.authority if newest else settings.TOBAN_TSA_URL,
        problem=duty.problem if duty else "",
    )
