"""`schedule_explain`: JSON lines in, the engine's verdicts out, without a database.

In: {"id", "schedule": {"timezone", "periods": [{"begin", "end", "weekdays", "monthdays", "months"}], "override": null |
"running" | "stopped", "holidays": ["YYYY-MM-DD"]}, "at": ISO 8601 with offset}. Out, in the same order: {"id", "state",
"reason", "next_change"}. A line that cannot be read says why under "error", wants nothing, and makes the exit code 1.
"""

import codecs
import json
import math
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from infra.domain.explaining import Unexplained, explain


class Command(BaseCommand):
    help = "Say what schedules want at given instants and why: JSON lines on stdin, JSON lines on stdout."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        bad = 0
        for number, line in enumerate(sys.stdin.buffer):
            if not line.strip():
                continue
            answer = _answer(line if number else line.removeprefix(codecs.BOM_UTF8))
            bad += "error" in answer
            self.stdout.write(_text(answer))
        if bad:
            self.stderr.write(f'{bad} lines could not be read; each says why under "error"')
            sys.exit(1)


def _text(answer: dict[str, Any]) -> str:
    """One line; an id that no UTF-8 can hold (half a surrogate pair) is written with its escapes, as it came."""
    text = json.dumps(answer, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(answer)


def _answer(line: bytes) -> dict[str, Any]:
    asked: Any = None
    try:
        asked = json.loads(line.decode("utf-8"), parse_constant=_no_number, parse_float=_number)
        return explain(asked)
    except (Unexplained, ValueError, RecursionError) as error:
        field, problem = (error.field, error.problem) if isinstance(error, Unexplained) else ("", str(error))
        known = asked.get("id") if isinstance(asked, dict) else None
        return {
            "id": known,
            "state": "any",
            "reason": "not readable, so nothing is wanted",
            "next_change": None,
            "error": {"field": field, "problem": problem},
        }


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
