"""How long the door stays shut after wrong passwords: longer with each, never for ever, and not for the person's own browser."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: So many wrong passwords in a row are mistyped; from then on each one costs a wait.
FREE_TRIES: Final = 5
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
#: Over all browsers that the person never signed in with: somebody tries one name from many addresses.
FREE_FROM_STRANGERS: Final = 20
#: From one address, over all names: somebody tries one password with many names. A whole hospital may share one address.
FREE_FROM_ADDRESS: Final = 300
#: Wrong passwords that lie further back are forgotten.
FORGOTTEN_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Strikes:
    """Wrong passwords since the last right one, and when the newest was."""

    count: int = 0
    last_at: datetime | None = None


def shut_until(
    here: Strikes, strangers: Strikes, address: Strikes, *, own: bool, now: datetime
) -> datetime | None:
    """Until when nobody is let in with this name from here; None: the door is open.

    here: this name from this browser, where it is the person's `own` (he has signed in with it before, or sits in its open
    session), else from this network; strangers: this name from all browsers that are not his own; address: this address with all
    names. What others do, in the next room or elsewhere, does not keep him out of his own browser.
    """
    waits = [_wait(here, FREE_TRIES, now)]
    if not own:
        waits += [_wait(strangers, FREE_FROM_STRANGERS, now), _wait(address, FREE_FROM_ADDRESS, now)]
    until = max((one for one in waits if one is not None), default=None)
    return until if until is not None and until > now else None


def _wait(strikes: Strikes, free: int, now: datetime) -> datetime | None:
    if strikes.last_at is None or strikes.count < free or now - strikes.last_at > FORGOTTEN_AFTER:
        return None
    wait: timedelta = FIRST_WAIT * 2 ** min(strikes.count - free, 10)
    return strikes.last_at + min(wait, LONGEST_WAIT)
