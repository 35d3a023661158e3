"""`demo_story`: the demo's people do what they do in the morning, while the clock and the workers run."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import demo_story
from medical_audit import clock


class Command(BaseCommand):
    help = "Play the demo's scenes through the ordinary operations: a missed start, overrides, a skip, a stop by hand."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL or not settings.AWS_ENDPOINT_URL.startswith("http://127.0.0.1:"):
            raise CommandError("The story is played on the local simulator only, never on a real AWS.")
        demo_story.tell(clock.now)
