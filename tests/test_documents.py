"""Documents say what is so: tests that they name exist, tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from django.utils import translation

from accounts.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from config.words.permissions import PERMISSIONS

TESTS = Path(__file__).resolve().parent
ASVS = TESTS.parent / "docs" / "asvs.md"


def test_every_test_that_the_asvs_table_names_exists() -> None:
    file = ""
    missing = []
    for named in re.findall(r"`([\w/]*(?:test_\w+\.py)?(?:::test_\w+)?)`", ASVS.read_text(encoding="utf-8")):
        path, _, test = named.partition("::")
        file = path if path.endswith(".py") else file
        if (path.endswith(".py") and not (TESTS / path).is_file()) or (
            test and f"def {test}(" not in (TESTS / file).read_text(encoding="utf-8")
        ):
            missing.append(named)
    assert missing == []


#: Levels 1 and 2 of ASVS 5.0 in the four chapters: how many requirements each section has.
SECTIONS = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}  # fmt: skip


def test_the_asvs_table_has_a_row_for_every_requirement_with_what_holds_it() -> None:
    rows = [
        line.strip("|").split(" | ")
        for line in ASVS.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| \d", line)
    ]
    named = [number for row in rows for number in re.findall(r"\d+\.\d+\.\d+", row[0])]
    wanted = [f"{section}.{number}" for section, many in SECTIONS.items() for number in range(1, many + 1)]
    assert sorted(named) == sorted(wanted)
    assert all(len(row[1].strip()) > 5 for row in rows)


def roles_table() -> str:
    """docs/roles.md as it must read: written from the table in the code."""
    with translation.override("en"):
        rows = [
            [
                f"{PERMISSIONS[str(one)]} (`{one}`)",
                *("yes" if one in ROLE_PERMISSIONS[role] else "" for role in Role),
            ]
            for one in Permission
        ]
    head = ["", *(str(role) for role in Role)]
    lines = [head, ["---"] * len(head), *rows]
    return (
        "# What each role may do\n\n"
        "Written from `accounts/domain/permissions.py`, which is what the code asks; `tests/test_documents.py` holds this page to\n"
        "it. A person may have several roles in a tenant and may what any of them may. Roles are given and taken by two people.\n\n"
        + "\n".join("| " + " | ".join(line) + " |" for line in lines)
        + "\n"
    )


def test_the_page_of_roles_is_the_table_in_the_code() -> None:
    assert (TESTS.parent / "docs" / "roles.md").read_text(encoding="utf-8") == roles_table()
