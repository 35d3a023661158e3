"""One export, made in a process of its own: `python -m tests.bench._export TENANT` prints seconds, rows and peak memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from medical_audit import clock  # noqa: E402  after setup
from medical_audit.domain.actor import system_actor  # noqa: E402
from medical_audit.operations.exports import making  # noqa: E402


def main() -> None:
    tenant_id = UUID(sys.argv[1])
    idle_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    made = making.make_due(tenant_id, actor=system_actor(tenant_id, "bench"), clock=clock.now)
    spent, peak_kb = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"made": made, "seconds": spent, "idle_kb": idle_kb, "peak_kb": peak_kb}))


if __name__ == "__main__":
    main()
