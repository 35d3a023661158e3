"""Sessions: how long a seat may stand empty, how a session ends, and what two sessions side by side say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final

#: The tenant may choose up to the longest; where it has chosen nothing, and outside any tenant, the first holds.
IDLE_DEFAULT: Final = timedelta(minutes=10)
IDLE_LONGEST: Final = timedelta(minutes=30)
#: No session outlives a working day, however busy it is.
LIFETIME: Final = timedelta(hours=12)
#: A browser that is alive asks at its limit by itself; what is silent for so much longer is cut off.
SILENCE: Final = timedelta(seconds=60)
#: Activity is written down at most so often: a page and its parts are one doing.
TOUCH_EVERY: Final = timedelta(seconds=5)
#: The longest that proves a second factor: what a browser gets from a passkey, as JSON.
CODE_MAX: Final = 8000
#: What an identity provider says of a person at the door; each other factor Toban has seen itself.
BY_WORD: Final = frozenset({"sso", "mfa"})


class End(StrEnum):
    """Why a session ended (research: medical guidance E1)."""

    SIGNED_OUT = "signed_out"
    IDLE = "idle"
    LEFT_SEAT = "left_seat"
    FORCED = "forced"
    EXPIRED = "expired"
    CUT_OFF = "cut_off"


#: Ends after which the same person goes on where he was, by proving who he is.
RESUMABLE: Final = frozenset({End.IDLE, End.LEFT_SEAT, End.CUT_OFF})


def end_event(end: End) -> str:
    """The kind of the ledger event that says how a session ended."""
    return f"session.{end}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: `address` is the last one that no trusted proxy vouches for, `raw` what was claimed.

    `browser`: a name that this browser carries for the people who signed in with it (`people`: their ids), "" for others.
    """

    address: str
    raw: str = ""
    device: str = ""
    user_agent: str = ""
    request: str = ""
    browser: str = ""
    people: frozenset[str] = frozenset()

    def browser_of(self, user_id: str) -> str:
        """The browser's name where this very person signed in with it before, else ""."""
        return self.browser if user_id in self.people else ""


def due_end(*, started_at: datetime, active_at: datetime, idle: timedelta, now: datetime) -> End | None:
    """How a session has ended by itself at this moment, or None."""
    if now >= started_at + LIFETIME:
        return End.EXPIRED
    return End.IDLE if now >= active_at + idle else None


def left(*, started_at: datetime, active_at: datetime, idle: timedelta, now: datetime) -> timedelta:
    """How long the session still holds if nobody does anything; never negative."""
    return max(over_at(started_at=started_at, active_at=active_at, idle=idle) - now, timedelta())


def over_at(*, started_at: datetime, active_at: datetime, idle: timedelta) -> datetime:
    """When the session ends by itself if nobody does anything, or ended, though nobody has written it down."""
    return min(active_at + idle, started_at + LIFETIME)


def network_of(address: str) -> str:
    """The network that an address is counted to (/24, IPv6 /48): within it a terminal may change its address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))
