"""One export, made in a process of its own: `python -m tests.bench._export TENANT` prints seconds, rows and peak memory."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from medical_audit import clock  # noqa: E402  after setup
from medical_audit.domain.actor import system_actor  # noqa: E402
from medical_audit.operations.exports import making  # noqa: E402


def main() -> None:
    tenant_id = UUID(sys.argv[1])
    idle_kb = _peak_kb()
    began = time.perf_counter()
    made = making.make_due(tenant_id, actor=system_actor(tenant_id, "bench"), clock=clock.now)
    spent = time.perf_counter() - began
    print(json.dumps({"made": made, "seconds": spent, "idle_kb": idle_kb, "peak_kb": _peak_kb()}))


def _peak_kb() -> int:
    """Of this program; getrusage would count what the measuring process was when it forked."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
