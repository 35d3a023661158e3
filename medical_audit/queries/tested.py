"""When the tests that requirements name last ran, and how that ended: as `./toban test` wrote it beside this code."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

FILE = Path(settings.BASE_DIR) / "test-results.json"
OUTCOMES = ("passed", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Ran:
    """`outcome`: passed, failed, skipped, or unknown (nothing says that it ever ran); `revision`: of the code it ran against."""

    name: str
    outcome: str = "unknown"
    at: datetime | None = None
    revision: str = ""


def results(file: Path = FILE) -> Mapping[str, Ran]:
    """By test; nothing where there is no such file, or one that cannot be read."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        found = {
            str(name): Ran(name, one["outcome"], datetime.fromisoformat(one["at"]), str(one["revision"]))
            for name, one in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: one for name, one in found.items() if one.outcome in OUTCOMES and one.at and one.at.tzinfo}


def worst_of(tests: Iterable[Ran]) -> str:
    """What to say of several at once: the one that proves least."""
    outcomes = {one.outcome for one in tests}
    return next((one for one in ("failed", "unknown", "skipped", "passed") if one in outcomes), "unknown")
