"""`manage.py requirements_table`: docs/requirements.md from the data of the requirement page."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from medical_audit.queries.requirements import requirements, versions

HEAD = """# Requirements

Written by `./toban manage requirements_table` from `medical_audit/guidelines/requirements.json`; the page 記録 > 要件 shows the
same rows with what is so right now. The words are ours; read the guidelines themselves before quoting a clause.

"""


def table() -> str:
    """The whole document."""
    lines = [
        f"* {one.name['en']} ({one.name['ja']}) {one.version}: {one.since} to {one.until or 'today'}"
        for one in versions()
    ]
    lines += [
        "",
        "| id | requirement | clauses | what Toban does, or why nothing | screen | tests |",
        "|---|---|---|---|---|---|",
    ]
    for row in requirements():
        clauses = "<br>".join(f"{version} {clause}" for (_guideline, version), clause in row.clauses.items())
        does = row.toban["en"] if row.toban else f"Not served: {row.absent['en'] if row.absent else ''}"
        tests = "<br>".join(f"`{test}`" for test in row.tests)
        title = f"{row.title['en']} ({row.title['ja']})"
        lines.append(f"| {row.id} | {title} | {clauses} | {does} | {row.screen} | {tests} |")
    return HEAD + "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Write docs/requirements.md from the data of the requirement page."

    def handle(self, *args: Any, **options: Any) -> None:
        (Path(settings.BASE_DIR) / "docs" / "requirements.md").write_text(table(), encoding="utf-8")
