"""How long does GitHub wait for an answer? Signed pushes through the whole of Django, one after another, and where the time goes.

    ./toban bench hooks [NUMBER]

NUMBER (300) deliveries of different ids; every one is verified, kept, and its repository's worker asked for. In this process,
without the socket: what a push costs us. GitHub gives up after 10 s.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import statistics
import sys
import time
import uuid

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import Repository
from redmine_sync.operations.repository_keys import exchange_hook_secret
from tests.bench._measure import report, show
from tests.factories import Cast, make_cast
from tests.redmine.planted import plant_repository
from tests.redmine.yard import sign

#: A minute takes 120 deliveries of one repository, so the next one is used then.
EACH = 100
#: Functions whose own part is shown, by their names in the profile.
STEPS = ("receive", "hooked", "hook_secrets", "_keep", "wake_repository", "execute")


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    cast, client = make_cast(), Client(HTTP_HOST="localhost")
    with CaptureQueriesContext(connection) as asked:
        some(cast, client, 1)
    show("what is asked of the database", ("", ""), [(n, one["sql"][:150]) for n, one in enumerate(asked, 1)])
    some(cast, client, EACH)
    cpu = time.process_time()
    times = sorted(took for _ in range(0, number, EACH) for took in some(cast, client, EACH))
    numbers = {
        "deliveries": len(times), "p50_ms": ms(statistics.median(times)), "p95_ms": ms(times[int(len(times) * 0.95)]),
        "max_ms": ms(times[-1]), "cpu_ms": ms((time.process_time() - cpu) / len(times)),
    }  # fmt: skip
    show("hooks", ("", ""), list(numbers.items()))
    # The profile costs time of its own, so its round is another one: only its proportions count.
    profile = cProfile.Profile()
    profile.enable()
    some(cast, client, EACH)
    profile.disable()
    steps: dict[str, float] = dict.fromkeys(STEPS, 0.0)
    for (_, _, name), (_, _, _, whole, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if name in steps:
            steps[name] = max(steps[name], ms(whole / EACH))
    show("of these, ms a delivery while profiled", ("", ""), list(steps.items()))
    report(numbers | {"steps_ms": steps})
    return 0


def some(cast: Cast, client: Client, number: int) -> list[float]:
    """Seconds of so many deliveries for a repository of their own."""
    cache.clear()
    repository = plant_repository(cast.tenant.id, f"p-{uuid.uuid4().hex[:8]}")
    secret = exchange_hook_secret(repository, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())
    with tenant_scope(cast.tenant.id):
        row = Repository.objects.get(id=repository)
    return [push(client, row, secret) for _ in range(number)]


def push(client: Client, row: Repository, secret: str) -> float:
    """Seconds until the answer."""
    body = json.dumps(
        {"ref": "refs/heads/main", "before": "1" * 40, "after": uuid.uuid4().hex.ljust(40, "a"),
         "repository": {"full_name": row.name}}
    ).encode()  # fmt: skip
    headers = {
        "X-Hub-Signature-256": sign(body, secret), "X-GitHub-Delivery": str(uuid.uuid4()), "X-GitHub-Event": "push",
    }  # fmt: skip
    began = time.perf_counter()
    answer = client.post(
        f"/githook?project_id={row.redmine_identifier}",
        body,
        content_type="application/json",
        headers=headers,
    )
    took = time.perf_counter() - began
    assert answer.status_code == 202, answer.status_code
    return took


def ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


if __name__ == "__main__":
    sys.exit(main())
