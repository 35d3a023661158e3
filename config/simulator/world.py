"""What the patched parts of moto share: the journal, the delays, and the instances marked to fail."""

from __future__ import annotations

from config.simulator.delays import Delays
from config.simulator.journal import Journal
from config.simulator.model import Window

KMS_BOUNCE = "Client.InvalidKMSKey.InvalidState"


class World:
    """Settings that moto's models look at while they work."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.delays = Delays()
        # Instance id -> state reason code a start falls back with.
        self.bounce: dict[str, str] = {}
        self.no_capacity: set[str] = set()
        # (account, region) -> window id -> SSM maintenance window.
        self.windows: dict[tuple[str, str], dict[str, Window]] = {}

    def mark(self, id: str, *, bounce: str | None = None, no_capacity: bool = False) -> None:
        """Sets (or, with the defaults, takes away) how a start of this instance fails."""
        if bounce:
            self.bounce[id] = bounce
        else:
            self.bounce.pop(id, None)
        if no_capacity:
            self.no_capacity.add(id)
        else:
            self.no_capacity.discard(id)
