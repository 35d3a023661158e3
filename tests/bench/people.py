"""How long does it take to search the ledger, and to list whom it can show, when many people can be read in it (ADR 19)?

    ./toban bench people [--people 10000] [--addresses 2] [--rounds 3]

Each person has a name, so many addresses and a device, kept beside the chain as the application keeps them. Measured in this
process as the web server's role: the first look after a start, and the median of further ones.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable
from statistics import median
from typing import Any

from accounts.domain.permissions import Role
from accounts.queries.readable import people_view
from medical_audit import clock
from medical_audit.domain.actor import Actor, ActorType, EventDraft, Subject
from medical_audit.operations.ledger import record_many
from medical_audit.queries.events import EventFilter, list_events
from medical_audit.queries.paging import Cursors
from medical_audit.tenancy import tenant_scope
from tests.bench._measure import report, show
from tests.factories import MONDAY_0830, Cast, make_cast

BATCH = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="./toban bench people", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--addresses", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cast = make_cast()
    began = time.perf_counter()
    _fill(cast, options.people, options.addresses)
    numbers: dict[str, Any] = {
        "people": options.people,
        "values": options.people * (2 + options.addresses),
        "written_s": round(time.perf_counter() - began, 1),
    }
    auditor = cast.actor(Role.AUDITOR)

    def look(wanted: EventFilter) -> Callable[[], object]:
        return lambda: list_events(wanted, Cursors(), actor=auditor)

    looks = {
        "text_of_one": look(EventFilter(q=f"測定 {options.people // 2:05} 番")),
        "text_nowhere": look(EventFilter(q="stands nowhere at all")),
        "address": look(EventFilter(address="10.0.0.7")),
        "readable_people": lambda: people_view(actor=auditor, now=clock.now()),
    }
    for name, work in looks.items():
        numbers[name] = _timed(cast, work, options.rounds)
    show(
        "people",
        ["look", *next(iter(numbers[name] for name in looks))],
        [[name, *numbers[name].values()] for name in looks],
    )
    report(numbers)
    return 0


def _fill(cast: Cast, people: int, addresses: int) -> None:
    tenant_id, drafts = cast.tenant.id, list[EventDraft]()
    for number in range(people):
        person, name = str(uuid.uuid4()), f"測定 {number:05} 番"
        for place in range(addresses):
            address = f"10.{place}.{number // 250}.{number % 250}"
            actor = Actor(tenant_id, ActorType.USER, person, name, session="bench", address=address)
            subject = Subject("user", person, name)
            drafts.append(
                EventDraft(
                    "bench.people", actor, MONDAY_0830, subject, detail={"device": f"Browser {number}"}
                )
            )
        if len(drafts) >= BATCH or number == people - 1:
            with tenant_scope(tenant_id):
                record_many(tenant_id, drafts)
            drafts = []


def _timed(cast: Cast, work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Milliseconds of the first time and the median of the others; `cpu`: of this process's own processor time."""
    walls, busy = [], []
    for _ in range(rounds + 1):
        began, worked = time.perf_counter(), time.process_time()
        with tenant_scope(cast.tenant.id):
            work()
        walls.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - worked) * 1000)
    return {
        "first_ms": round(walls[0], 1),
        "then_ms": round(median(walls[1:]), 1),
        "first_cpu_ms": round(busy[0], 1),
        "then_cpu_ms": round(median(busy[1:]), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
