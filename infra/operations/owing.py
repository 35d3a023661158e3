"""What a schedule said and no tick has taken up: kept with its resource when the rules change, entered by the next tick.

Only the processes of the clock enter what the clock does, so whoever changes the rules leaves it on the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from infra.models import Resource
from infra.operations.dues import Note, spoken
from infra.queries.rules import Rules
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.kinds import Authority, OperationTarget
from medical_audit.operations.automatic import Due

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be entered, and what is to be recorded."""

    dues: tuple[Due, ...]
    notes: tuple[Note, ...]


def owe(row: Resource, before: Rules, now: datetime) -> None:
    """Keep (in memory, on the row) what fell due by the rules as they were until now, and no tick has taken up."""
    if row.next_change_at is None or row.next_change_at > now or row.planned_from is None:
        return
    try:
        said = spoken(row, before, now)
    except Exception:  # a schedule that cannot be worked out must not keep people from replacing it
        log.exception("schedule_failed", resource=str(row.id), tenant=str(row.tenant_id))
        return
    row.owed = [*row.owed, *map(due_as_json, said.dues), *({"note": asdict(note)} for note in said.notes)]


def owe_due(row: Resource, due: Due, now: datetime) -> None:
    """Let the next tick enter one thing more, and come at once."""
    row.owed = [*row.owed, due_as_json(due)]
    row.next_change_at = min(row.next_change_at or now, now)
    row.next_action = due.kind.rpartition(".")[2]


def owed(row: Resource, now: datetime) -> Owed:
    """What is kept on a row; what has passed its grace meanwhile is missed."""
    dues = tuple(due_of_json(one, now) for one in row.owed if "note" not in one)
    notes = tuple(Note(**one["note"]) for one in row.owed if "note" in one)
    return Owed(dues, notes)


def owed_action(entries: Sequence[Mapping[str, Any]]) -> str:
    """The last start or stop among what is kept on a row."""
    kinds = [str(one["kind"]) for one in entries if "note" not in one]
    return kinds[-1].rpartition(".")[2] if kinds else ""


def due_as_json(due: Due) -> dict[str, Any]:
    """One entry of the clock as plain data."""
    return {
        "kind": due.kind, "target": asdict(due.target), "parameters": dict(due.parameters),
        "due_at": utc_text(due.due_at), "dedupe_key": due.dedupe_key, "authority": asdict(due.authority),
        "reason": dict(due.reason), "missed": due.missed,
        "grace_s": due.grace.total_seconds() if due.grace is not None else None,
    }  # fmt: skip


def due_of_json(kept: Mapping[str, Any], now: datetime) -> Due:
    """The same entry again; beyond its grace it is missed."""
    due_at = datetime.fromisoformat(kept["due_at"])
    grace = timedelta(seconds=kept["grace_s"]) if kept["grace_s"] is not None else None
    late = grace is not None and now - due_at > grace
    return Due(
        kind=kept["kind"],
        target=OperationTarget(**kept["target"]),
        parameters=kept["parameters"],
        due_at=due_at,
        dedupe_key=kept["dedupe_key"],
        authority=Authority(**kept["authority"]),
        reason=kept["reason"],
        missed=kept["missed"] or ("grace_passed" if late else ""),
        grace=grace,
    )
