"""How fast is the schedule engine? 100,000 evaluations of mixed schedules, as `schedule_explain` makes them.

    ./toban bench schedule [NUMBER]

Each line is read, evaluated and searched for its next change; the goal is seconds, not minutes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from infra.domain.explaining import explain

ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "UTC")
WEEKDAYS = (None, "mon-fri", "sat-mon", "mon#1", "friL", [0, 2, 4])
MONTHDAYS = (None, None, None, "1-15", "L", "15W", "1/15")
MONTHS = (None, None, None, "jan-mar", "apr-sep")


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    lines = [json.dumps(line) for line in questions(number)]
    began = time.perf_counter()
    states: dict[str, int] = {}
    for line in lines:
        state = explain(json.loads(line))["state"]
        states[state] = states.get(state, 0) + 1
    wall = time.perf_counter() - began
    print(
        json.dumps(
            {"evaluations": number, "wall_s": round(wall, 1), "each_us": round(wall / number * 1e6), **states}
        )
    )
    return 0


def questions(number: int) -> list[dict[str, Any]]:
    """The same ones every time: office hours mostly, and everything else that the grammar has."""
    rolls = random.Random(20261123)
    return [_question(rolls, one) for one in range(number)]


def _question(rolls: random.Random, one: int) -> dict[str, Any]:
    month, day = rolls.randrange(1, 13), rolls.randrange(1, 29)
    return {
        "id": one,
        "schedule": {
            "timezone": rolls.choice(ZONES),
            "periods": [_period(rolls) for _ in range(rolls.choice((1, 1, 2, 3)))],
            "override": None,
            "holidays": ["2026-01-01", "2026-11-23", "2026-12-31"],
        },
        "at": f"2026-{month:02}-{day:02}T{rolls.randrange(24):02}:{rolls.randrange(60):02}:00+09:00",
    }


def _period(rolls: random.Random) -> dict[str, Any]:
    if rolls.random() < 0.5:
        return {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri", "monthdays": None, "months": None}
    begin, end = (f"{rolls.randrange(24):02}:{rolls.randrange(60):02}" for _ in range(2))
    return {
        "begin": begin if rolls.random() < 0.9 else None,
        "end": end if rolls.random() < 0.9 else None,
        "weekdays": rolls.choice(WEEKDAYS),
        "monthdays": rolls.choice(MONTHDAYS),
        "months": rolls.choice(MONTHS),
    }


if __name__ == "__main__":
    sys.exit(main())
