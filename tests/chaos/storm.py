"""A storm: operations arrive in waves while workers are killed and frozen at moments of chance."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.field import Field
from tests.chaos.herd import SHORT, Herd
from tests.chaos.places import wait_until

LEASE_S = SHORT["LEASE_S"]


@dataclass(frozen=True)
class Storm:
    """How hard it blows. Seconds between two blows are drawn from `pause`; the field's work comes in `waves`."""

    kills: int
    freezes: int = 0
    workers: int = 4
    waves: int = 5
    pause: tuple[float, float] = (0.3, 1.0)
    calm_within: float = 240.0


def blow(storm: Storm, of: Field, herd: Herd, say: Callable[[str], None] = lambda line: None) -> int:
    """Let it rage until every kill is done and every operation has ended; returns how many were entered.

    Work comes wave by wave as kills are done, so that every kill meets workers at work.
    """
    blows = ["kill"] * storm.kills + ["freeze"] * storm.freezes
    random.shuffle(blows)
    waves = [of.accounts[n :: storm.waves] for n in range(storm.waves)]
    frozen = Frozen(herd)
    entered = of.enter(waves.pop(0))
    herd.drain(storm.workers)
    for number, what in enumerate(blows):
        # The moment of a blow is the experiment itself: nothing is being waited for.
        time.sleep(random.uniform(*storm.pause))
        if waves and number * storm.waves >= len(blows) * (storm.waves - len(waves)):
            entered += of.enter(waves.pop(0))
            say(f"{number} of {len(blows)} blows, {entered} operations entered, {dict(of.states())}")
        frozen.thaw()
        if what == "kill":
            herd.kill()
        else:
            frozen.take()
        herd.drain()
    while waves:
        entered += of.enter(waves.pop(0))
    say(f"{len(blows)} of {len(blows)} blows, {entered} operations entered, {dict(of.states())}")

    def over() -> bool:
        return frozen.thaw() == 0 and of.settled(entered)

    wait_until("every operation has ended", over, within=storm.calm_within, every=0.3)
    return entered


class Frozen:
    """Workers that sleep through their lease; awake again, they go on working, each a worker more."""

    def __init__(self, herd: Herd) -> None:
        self.herd = herd
        self.until: list[tuple[float, int]] = []

    def take(self) -> None:
        """Freeze one of chance."""
        victim = self.herd.drainers.pop(random.randrange(len(self.herd.drainers)))
        self.herd.freeze(victim)
        self.until.append((time.monotonic() + LEASE_S * 1.2, victim))

    def thaw(self) -> int:
        """Wake those whose lease is over; returns how many still sleep."""
        awake = [pid for at, pid in self.until if at <= time.monotonic()]
        self.until = [one for one in self.until if one[1] not in awake]
        for pid in awake:
            self.herd.thaw(pid)
            self.herd.drainers.append(pid)
        return len(self.until)
