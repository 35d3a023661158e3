"""`demo_month`: one month of life in the demo's tenants, so that it can be reviewed and signed in the browser."""

import argparse
import json
from datetime import date, datetime, timedelta
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
        parser.add_argument("--tenant", default="", help="the slug of the only tenant that is to live it")
        parser.add_argument(
            "--month", type=_end_of, help="a whole month like 2026-10; else the present one up to now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("TOBAN_ENV is production: no life is invented there.")
        if not demo.is_seeded():
            raise CommandError("There is no demo in this database. Start it first: ./toban demo --once")
        now = options["month"] or clock.now()
        figures = demo_month.play(options["events"], now, self.stderr.write, options["tenant"])
        self.stdout.write(json.dumps({name: round(value, 1) for name, value in figures.items()}))


def _end_of(text: str) -> datetime:
    """The last second of a month."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no month; like 2026-10") from error
    after = (first + timedelta(days=32)).replace(day=1)
    return datetime(after.year, after.month, 1, tzinfo=demo_month.ZONE) - timedelta(seconds=1)
