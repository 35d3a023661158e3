"""When AWS will start a stopped database by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.domain.drift import RESTARTED_AFTER, RESTARTING_KINDS
from infra.domain.power import Power


@dataclass(frozen=True, slots=True)
class Restart:
    """`estimated`: worked out from when Toban saw it stopped, which AWS did not say."""

    at: datetime
    estimated: bool


def restart_of(kind: str, state: str, facts: Mapping[str, Any], stopped_since: datetime) -> Restart | None:
    """What AWS said (the fact `restarts_at`, ISO 8601), or seven days after the stop was seen; None where none comes."""
    if kind not in RESTARTING_KINDS or state != Power.STOPPED:
        return None
    told = str(facts.get("restarts_at") or facts.get("restart_at") or "")
    if told:
        return Restart(datetime.fromisoformat(told), estimated=False)
    return Restart(stopped_since + RESTARTED_AFTER, estimated=True)
