"""How much of a real Redmine's own speed do tickets reach? Entries per second beside the server's time for the bare calls.

    ./toban bench redmine [NUMBER]

NUMBER (40) subjects fail and recover: each is an issue made and closed with a note. The bare round makes the same changes
with nothing but HTTP: one POST and one PUT each. The ratio is what looking first, reading back and keeping attempts cost.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any

from config.console.redmine import VARIABLE, real_redmine
from redmine_sync.models import EntryState
from tests.bench._measure import report, show
from tests.factories import make_cast
from tests.redmine.shop import Place, Shop


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with real_redmine() as found:
        info = json.loads(found[VARIABLE])
        bare = bare_s(info, number)
        ours, entries = ours_s(info, number)
    numbers = {
        "entries": entries, "ours_s": round(ours, 2), "bare_s": round(bare, 2), "entries_per_s": round(entries / ours, 1),
        "bare_calls_per_s": round(2 * number / bare, 1), "ratio": round(ours / bare, 2), "redmine": info["version"],
    }  # fmt: skip
    show("redmine", ("round", "s", "a second"), [
        ("bare calls", numbers["bare_s"], numbers["bare_calls_per_s"]),
        ("tickets", numbers["ours_s"], numbers["entries_per_s"]),
        ("ratio", numbers["ratio"], ""),
    ])  # fmt: skip
    report(numbers)
    return 0


def bare_s(info: dict[str, Any], number: int) -> float:
    """Seconds for the changes alone, one after another."""
    began = time.perf_counter()
    for one in range(number):
        made = _ask(info, "POST", "issues.json", {
            "project_id": info["project"], "tracker_id": info["tracker"], "subject": f"bare {one}", "description": "x" * 300,
            "custom_fields": [{"id": info["field"], "value": f"bare-{one}"}],
        })  # fmt: skip
        change = {"notes": "x" * 300, "status_id": info["closed_status"]}
        _ask(info, "PUT", f"issues/{made['issue']['id']}.json", change)
    return time.perf_counter() - began


def ours_s(info: dict[str, Any], number: int) -> tuple[float, int]:
    """Seconds from the ledger to the last closed issue, and how many entries that were."""
    place = Place(
        info["url"], info["key"], info["closed_status"], info["open_status"], info["project"], info["tracker"]
    )
    shop = Shop(make_cast(), place)
    shop.connect()
    shop.rule()
    for what in ("failed", "succeeded"):
        for one in range(number):
            shop.happens(what, f"server-{one:04}")
    began = time.perf_counter()
    while shop.serve().more:
        pass
    wall = time.perf_counter() - began
    done = len(shop.entries(state=EntryState.DONE))
    assert done == 2 * number, f"{done} of {2 * number} entries were written"
    return wall, done


def _ask(info: dict[str, Any], method: str, path: str, issue: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{info['url']}/{path}", method=method, data=json.dumps({"issue": issue}).encode(),
        headers={"Content-Type": "application/json", "X-Redmine-API-Key": info["key"]},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


if __name__ == "__main__":
    sys.exit(main())
