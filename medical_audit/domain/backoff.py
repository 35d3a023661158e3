"""How long to wait after a failure before something outside is asked again."""

from datetime import timedelta

#: How many first waits the longest one is, where nobody says otherwise: of 5 seconds 15 minutes.
LONGEST = 180


def wait_after(attempts: int, chance: float, *, first_s: float, longest: int = LONGEST) -> timedelta:
    """Full jitter: anything between nothing and the doubled wait, `chance` in 0..1; `longest` first waits at most."""
    return timedelta(seconds=first_s * min(1 << min(max(attempts - 1, 0), 20), longest)) * chance
