"""`demo_month`: one month of life in the demo's tenants, so that it can be reviewed and signed in the browser."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import demo, demo_month
from medical_audit import clock


class Command(BaseCommand):
    help = "Write one month of life into the demo: 60 people in 3 tenants; prints the figures as JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--events", type=int, default=6000, help="how many events over all tenants")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("TOBAN_ENV is production: no life is invented there.")
        if not demo.is_seeded():
            raise CommandError("There is no demo in this database. Start it first: ./toban demo --once")
        figures = demo_month.play(options["events"], clock.now(), self.stderr.write)
        self.stdout.write(json.dumps({name: round(value, 1) for name, value in figures.items()}))
