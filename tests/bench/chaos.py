"""The full storm: 3,000 operations, 200 SIGKILLs, 20 SIGSTOPs beyond the lease, 4 workers; then the records are compared.

    ./toban bench chaos [--accounts 300] [--servers 10] [--kills 200] [--freezes 20]

Exit code 0 only if nothing was lost, doubled, called without a committed intent, or left out of the ledger.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import factories
from tests.bench._measure import report, show
from tests.chaos.field import Field
from tests.chaos.herd import Herd, Nursery
from tests.chaos.judge import judge
from tests.chaos.storm import Storm, blow


def main() -> int:
    parser = argparse.ArgumentParser(prog="./toban bench chaos", description=__doc__)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--freezes", type=int, default=20)
    options = parser.parse_args()
    field = Field(
        [factories.make_cast() for _ in range(3)], accounts=options.accounts, servers=options.servers
    )
    field.rough(200, 900)
    _say(f"{options.accounts * options.servers} servers planted")
    storm = Storm(
        kills=options.kills, freezes=options.freezes, waves=max(1, options.accounts // 15), calm_within=900
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, Nursery(Path(place) / "workers.log") as nursery:
        herd = Herd(nursery, field.shift)
        entered = blow(storm, field, herd, _say)
        refused = herd.said().count("lease_lost")
    said = judge(field)
    for name, what in said.faults().items():
        show(f"{name}: {len(what)}", ("which",), [(one,) for one in what[:10]])
    report({"entered": entered, "kills": options.kills, "freezes": options.freezes, "stale_writes_refused": refused,
            "wall_s": round(time.monotonic() - began), **said.numbers()})  # fmt: skip
    return 1 if said.faults() else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
