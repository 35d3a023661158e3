"""`demo_seed`: the demo's people and accounts (once) and its simulated fleet (at each start)."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from config import demo, demo_story
from medical_audit import clock
from medical_audit.tenancy import platform_scope


class Command(BaseCommand):
    help = "Seed the demo: tenants, people and accounts once, the simulated AWS fleet anew; prints the sign-ins as JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--story", action="store_true", help="also what must be so before the clock runs (see demo_story)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("TOBAN_ENV is production: the demo is never seeded there.")
        if not settings.AWS_ENDPOINT_URL.startswith("http://127.0.0.1:"):
            raise CommandError(
                "AWS_ENDPOINT_URL must be the local simulator: the demo never touches a real AWS."
            )
        seeded = demo.is_seeded()
        with platform_scope():
            strangers = not seeded and User.objects.exists()
        if strangers:
            raise CommandError("This database has people who are not the demo's; use another TOBAN_DATA.")
        planted = demo.seed_simulator(clock.now())
        if not seeded:
            demo.seed_portal(clock.now)
        if options["story"]:
            demo_story.prepare(clock.now)
        self.stdout.write(
            json.dumps({"users": demo.sign_ins(), "fleet": planted["counts"]}, ensure_ascii=False)
        )
