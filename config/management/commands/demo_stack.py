"""`demo_stack`: play the customer who creates Toban's stack in his account, on the simulated AWS of the demo."""

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import demo


class Command(BaseCommand):
    help = "Make the roles of a downloaded template in a simulated AWS account, as CloudFormation would."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the 12 digits of the account")
        parser.add_argument("template", help="the file that the portal gave, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL or not settings.AWS_ENDPOINT_URL.startswith("http://127.0.0.1:"):
            raise CommandError("Only the demo's own simulated AWS takes stacks from here.")
        name = options["template"]
        try:
            template = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise CommandError(f"{name} is no template that can be read: {problem}") from problem
        made = demo.simulator("stack", {"account": options["account"], "template": template})
        self.stdout.write(json.dumps(made))
