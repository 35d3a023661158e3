"""What does the ledger cost, and how fast is it read, verified and exported?

    ./toban bench ledger [--events 1000000] [--export-rows 200000] [--clients 16] [--seconds 5] [--rounds 3]

Transactions with and without their event take turns in one run, by `clients` connections of the web server's role, for one
tenant and spread over 50: each with 20 ms of work and a row of its own, as every privileged move writes one. Then a chain
of `events`: written, sealed, searched, verified, exported as a bundle, checked offline, and exported in each form by the
worker's own code; memory is the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from accounts.domain.permissions import Role
from medical_audit.domain import bundle_verifier
from medical_audit.domain.actor import Actor, ActorType, EventDraft, Subject
from medical_audit.domain.canonical import event_body
from medical_audit.domain.notes import Signer
from medical_audit.models import Event, Export
from medical_audit.models.export import Format
from medical_audit.operations.exports import asking
from medical_audit.operations.referring import People
from medical_audit.operations.sealer import Sealer
from medical_audit.queries.events import EventFilter, list_events
from medical_audit.queries.paging import Cursors
from medical_audit.queries.seals import database_clock
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.bench._measure import report, show
from tests.chaos.places import role
from tests.factories import MONDAY_0830, Cast, make_cast

WORK_MS = 20
TENANTS = 50
BATCH, SEALED = 1000, 50_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="./toban bench ledger", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="0: transactions only")
    parser.add_argument(
        "--export-rows", type=int, default=200_000, help="rows of an export; at most 20,000 as PDF"
    )
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    numbers: dict[str, Any] = {"clients": options.clients, "work_ms": WORK_MS}
    for tenants in (1, TENANTS):
        numbers[f"tenants_{tenants}"] = throughput(tenants, options)
    if options.events:
        numbers |= long_chain(options.events, min(options.events, options.export_rows))
    report(numbers)
    return 0


# -- transactions ------------------------------------------------------------------------------------------------------


def throughput(tenants: int, options: argparse.Namespace) -> dict[str, float]:
    """Transactions per second, each kind the sum of its rounds."""
    ids = [uuid.uuid4() for _ in range(tenants)]
    _make_rows()
    totals = {"without": 0, "with": 0}
    for _round in range(options.rounds):
        for name in totals:
            totals[name] += _race(options.clients, options.seconds, ids, logs=name == "with")
    spent = options.seconds * options.rounds
    without, with_ledger = totals["without"] / spent, totals["with"] / spent
    found = {
        "tps_without": round(without, 1),
        "tps_with": round(with_ledger, 1),
        "fewer_percent": round(100 * (1 - with_ledger / without), 1),
    }
    show(f"{tenants} tenant(s), {WORK_MS} ms of work", list(found), [list(found.values())])
    return found


def _race(clients: int, seconds: float, ids: Sequence[uuid.UUID], *, logs: bool) -> int:
    counts, stop, start = [0] * clients, threading.Event(), threading.Barrier(clients + 1, timeout=60)

    def run(number: int) -> None:
        tenant_id = ids[number % len(ids)]
        bodies, tokens = _bodies(tenant_id, [number])
        body = bodies[0]
        with _as_web() as database:
            start.wait()
            while not stop.is_set():
                with database.transaction():
                    database.execute("SELECT set_config('toban.tenant_id', %s, true)", [str(tenant_id)])
                    database.execute("SELECT pg_sleep(%s)", [WORK_MS / 1000])
                    database.execute(
                        "INSERT INTO bench_row (tenant_id, body) VALUES (%s, %s)", [tenant_id, body]
                    )
                    if logs:
                        database.execute("SELECT ledger.log_people(%s, %s, %s)", [tenant_id, [body], tokens])
                counts[number] += 1

    threads = [threading.Thread(target=run, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts)


def _make_rows() -> None:
    """What the transactions write besides: without a row of their own the ones without an event would commit nothing,
    and PostgreSQL does not wait for the disk then."""
    url = os.environ["DATABASE_SUPERUSER_URL"].replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS bench_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "tenant_id uuid NOT NULL, body text NOT NULL)"
        )
        database.execute("GRANT INSERT ON bench_row TO toban_web")


def _as_web() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1))


def _bodies(tenant_id: uuid.UUID, numbers: Iterable[int]) -> tuple[list[str], list[str]]:
    """What people did, with the references in it, which are kept beside the chain as the application does."""
    person = Actor(
        tenant_id, ActorType.USER, "bench", "測定 太郎", ("operator",), session="bench", address="192.0.2.7"
    )
    with tenant_scope(tenant_id):
        people = People(tenant_id)
        found = [event_body(_draft(person, number), people.refer) for number in numbers]
        people.keep(people.values)
    return found, list(people.values)


def _draft(actor: Actor, number: int) -> EventDraft:
    subject = Subject("ec2", f"i-{number:017x}", f"server-{number % 997}")
    detail: dict[str, object] = {"action": ("start", "stop")[number % 2], "number": number}
    return EventDraft(f"bench.{number % 7}", actor=actor, at=MONDAY_0830, subject=subject, detail=detail)


# -- one long chain ----------------------------------------------------------------------------------------------------


def long_chain(events: int, export_rows: int) -> dict[str, Any]:
    cast = make_cast()
    tenant_id = cast.tenant.id
    found: dict[str, Any] = {"events": events}
    signer = Signer.generate("toban/ledger")
    found |= _write_and_seal(tenant_id, events, signer)
    with role("audit"):
        found["verified_per_s"] = _rate(events, lambda: verify(tenant_id))
    found["search_first_page_ms"] = _searches(cast)
    with tempfile.TemporaryDirectory() as folder:
        found |= _exports(tenant_id, signer, Path(folder) / "bundle.zip", events)
    show("one chain", list(found), [list(found.values())])
    found["exports"] = _forms(cast, export_rows)
    return found


def _write_and_seal(tenant_id: uuid.UUID, events: int, signer: Signer) -> dict[str, int]:
    """A seal stands over `SEALED` events at most: each minute has its own, however busy it was."""
    writing = sealing = 0.0
    for begin in range(0, events, SEALED):
        started = time.perf_counter()
        _write(tenant_id, begin, min(events, begin + SEALED))
        written = time.perf_counter()
        with role("audit"):
            Sealer(signer, [signer.verifier], [], clock=database_clock, wall=time.time).round()
        writing, sealing = writing + written - started, sealing + time.perf_counter() - written
    return {"written_per_s": round(events / writing), "sealed_per_s": round(events / sealing)}


def _rate(events: int, work: Callable[[], Any]) -> int:
    began = time.perf_counter()
    work()
    return round(events / (time.perf_counter() - began))


def _write(tenant_id: uuid.UUID, first: int, end: int) -> None:
    with _as_web() as database:
        for begin in range(first, end, BATCH):
            bodies, tokens = _bodies(tenant_id, range(begin, min(end, begin + BATCH)))
            with database.transaction():
                database.execute("SELECT set_config('toban.tenant_id', %s, true)", [str(tenant_id)])
                database.execute("SELECT ledger.log_people(%s, %s, %s)", [tenant_id, bodies, tokens])


def _searches(cast: Cast) -> dict[str, float]:
    actor = cast.actor(Role.AUDITOR)
    wishes = {
        "newest": EventFilter(),
        "kind": EventFilter(kind="bench.3"),
        "rare_kind": EventFilter(kind="tenant.founded"),
        "actor": EventFilter(actor="bench"),
        "subject": EventFilter(subject=f"i-{5:017x}"),
        "text": EventFilter(q="server-996"),
        "text_nowhere": EventFilter(q="stands nowhere at all"),
    }
    found = {}
    for name, wanted in wishes.items():
        began = time.perf_counter()
        with tenant_scope(cast.tenant.id):
            list_events(wanted, Cursors(), actor=actor)
        found[name] = round((time.perf_counter() - began) * 1000, 1)
    return found


def _exports(tenant_id: uuid.UUID, signer: Signer, file: Path, events: int) -> dict[str, Any]:
    env = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_AUDIT_URL"],
        "TOBAN_SEAL_PUBLIC_KEYS": str(signer.verifier),
    }
    export = [
        sys.executable,
        "manage.py",
        "audit_export",
        str(file),
        "--tenant",
        str(tenant_id),
        "--purpose",
        "bench",
    ]
    offline = [sys.executable, bundle_verifier.__file__, "--json", "--key", str(signer.verifier), str(file)]
    export_s, export_mb = _watched(export, env)
    bundle_mb = round(file.stat().st_size / 1e6, 1)
    offline_s, offline_mb = _watched(offline, env)
    return {
        "exported_per_s": round(events / export_s),
        "export_peak_mb": export_mb,
        "bundle_mb": bundle_mb,
        "offline_verified_per_s": round(events / offline_s),
        "offline_peak_mb": offline_mb,
    }


def _forms(cast: Cast, rows: int) -> dict[str, Any]:
    """Each form of export, of the oldest events: rows a second and the peak memory of the process that makes it."""
    found: dict[str, Any] = {}
    for form in Format.values:
        wanted = min(rows, asking.PAPER_ROWS) if form == Format.PDF else rows
        with tenant_scope(cast.tenant.id):
            until = Event.objects.order_by("event_at", "ord").values_list("event_at", flat=True)[wanted - 1]
            question = EventFilter(until=until + timedelta(microseconds=1))
            asking.ask(
                question,
                form,
                tenant="bench",
                purpose="bench",
                actor=cast.actor(Role.AUDITOR),
                now=database_clock(),
            )
        said = subprocess.run(
            [sys.executable, "-m", "tests.bench._export", str(cast.tenant.id)], capture_output=True, text=True, check=True,
            env=os.environ | {"DATABASE_URL": os.environ["DATABASE_WORKER_URL"]},
        )  # fmt: skip
        with tenant_scope(cast.tenant.id):
            made = Export.objects.order_by("-asked_at").first()
        if made is None or not made.is_ready:
            raise RuntimeError(f"{form}: {made and made.problem}")
        told = json.loads(said.stdout.splitlines()[-1])
        found[form] = {
            "rows": made.rows, "rows_per_s": round(made.rows / told["seconds"]), "mb": round(made.bytes / 1e6, 1),
            "peak_mb": round(told["peak_kb"] / 1024), "of_that_idle_mb": round(told["idle_kb"] / 1024),
        }  # fmt: skip
    header = ["form", *next(iter(found.values()))]
    show("exports", header, [[form, *numbers.values()] for form, numbers in found.items()])
    return found


def _watched(command: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Seconds and peak memory (MB) of a process; raises when it fails."""
    watch = (
        "import json, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watch, *command], env=env, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - began, round(json.loads(done.stdout) / 1024)


if __name__ == "__main__":
    sys.exit(main())
