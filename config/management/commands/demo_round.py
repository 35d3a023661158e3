"""`demo_round --json`: one full round, from inventory to settled operations, and what came of it."""

import json
import sys
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandParser

from config import demo, demo_report
from infra.queries import queue
from infra.tasks import take_inventory, tick
from medical_audit import clock
from medical_audit.tasks import sweep

POLL_S = 0.3
SWEEP_EVERY_S = 2.0


class Command(BaseCommand):
    help = "Take stock of every account, tick once, wait until everything due is settled; one JSON object on stdout."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="accepted for clarity: the output is always JSON"
        )
        parser.add_argument(
            "--at", help="the instant that the demo's clock was set to, as it shall stand in the report"
        )
        parser.add_argument(
            "--timeout", type=float, default=600.0, help="seconds to wait for everything to settle"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began, at = time.monotonic(), clock.now()
        deadline = began + options["timeout"]
        before = demo.simulator("counts")
        regions = queue.every_region()
        self._say(f"taking stock of {len(regions)} account-regions")
        for tenant_id, region_id in regions:
            take_inventory.delay(str(tenant_id), str(region_id), force=True)
        settled = (
            self._wait(lambda: demo_report.inventories_left(at), "account-regions to look at", deadline)
            and self._tick(at, deadline)
            and self._wait(demo_report.open_operations, "operations to settle", deadline)
        )
        report = demo_report.report(at, before)
        report["at"] = options["at"] or at.astimezone(ZoneInfo("Asia/Tokyo")).isoformat(timespec="seconds")
        report["wall_s"] = round(time.monotonic() - began, 2)
        self.stdout.write(json.dumps(report, ensure_ascii=False))
        sys.exit(0 if settled and report["lost"] == 0 and report["ledger"]["intact"] else 1)

    def _tick(self, at: datetime, deadline: float) -> bool:
        tick.delay()
        return self._wait(lambda: demo_report.tick_left(at), "tick", deadline)

    def _wait(self, left: Any, what: str, deadline: float) -> bool:
        """Wait for workers in other processes; a sweep now and then stands in for the beat. False: not in time."""
        swept, said = 0.0, -1
        while count := left():
            if time.monotonic() > deadline:
                self._say(f"gave up: {count} {what} left; see the workers' logs")
                return False
            if count != said:
                self._say(f"{count} {what}")
                said = count
            if time.monotonic() - swept > SWEEP_EVERY_S:
                sweep.delay()
                swept = time.monotonic()
            time.sleep(POLL_S)
        return True

    def _say(self, line: str) -> None:
        self.stderr.write(line)
