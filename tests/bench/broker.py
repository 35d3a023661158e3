"""How late are starts when the broker forgets everything, or dies and comes back? The goal: 30 s at most, none lost.

    ./toban bench broker

Real Celery processes and two beats on servers of their own; lateness is read from the rows' called_at.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from config.datafolder import DataFolder
from tests.bench._measure import report, show, spread
from tests.chaos.broker import dies_and_comes_back, forgets_everything
from tests.chaos.house import House
from tests.chaos.judge import judge

SCENES = {"flushed": forgets_everything, "killed and restarted": dies_and_comes_back}
GOAL_S = 30.0


def main() -> int:
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="toban-") as place:
        folder = DataFolder(Path(place) / "data")
        folder.prepare()
        house = House(folder)
        try:
            house.make()
            with house.inside():
                house.run()
                for name, scene in SCENES.items():
                    field, since = scene(house)
                    late = [
                        (row.called_at - since).total_seconds() for row in field.operations() if row.called_at
                    ]
                    numbers[name] = {
                        "late_s": spread(late),
                        "called": len(late),
                        "faults": len(judge(field).faults()),
                    }
        finally:
            house.close()
    show(
        "broker",
        ("scene", "p50", "p95", "max"),
        [(name, *one["late_s"].values()) for name, one in numbers.items()],
    )
    report(numbers)
    return 0 if all(one["late_s"]["max"] <= GOAL_S and not one["faults"] for one in numbers.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
