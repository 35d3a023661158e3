"""Sealers of tests: their own key and anchors, the worker's own database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from medical_audit.anchors.file import FileAnchor
from medical_audit.domain.anchoring import Anchor
from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer, VerifierKey
from medical_audit.operations.sealer import Sealer
from medical_audit.operations.sealing import Sealed
from medical_audit.queries.seals import database_clock
from tests.conftest import _as_role


@dataclass
class SealingRoom:
    """A key, its anchors, and the sealers that use them one after another."""

    signer: Signer
    anchors: Sequence[Anchor]
    keys: list[VerifierKey] = field(default_factory=list)
    clock: Callable[[], datetime] = database_clock

    def __post_init__(self) -> None:
        self.keys.append(self.signer.verifier)

    def sealer(self) -> Sealer:
        """A process that has just started and remembers nothing."""
        return Sealer(self.signer, self.keys, self.anchors, clock=self.clock, wall=time.time)

    def seal(self) -> Sealed:
        with _as_role("audit"):
            sealed = self.sealer().round()
        assert sealed is not None
        return sealed


def make_room(folder: Path) -> SealingRoom:
    return SealingRoom(Signer.generate(ORIGIN), [FileAnchor(folder / "seals.jsonl")])


def later(by: timedelta) -> Callable[[], datetime]:
    return lambda: database_clock() + by
