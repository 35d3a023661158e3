"""What AWS takes as a name of a database or of its snapshot. Source: RDS API reference, CreateDBInstance, CreateDBSnapshot."""

from __future__ import annotations

import re
from enum import StrEnum

DATABASE_MAX, SNAPSHOT_MAX = 63, 255
_ALLOWED = re.compile(r"[A-Za-z0-9-]*")


class NameProblem(StrEnum):
    """Why AWS would refuse a name: told apart, so that the field can say what to change."""

    EMPTY = "name_empty"
    TOO_LONG = "name_too_long"
    CHARACTERS = "name_characters"
    FIRST = "name_first_letter"
    DOUBLE_HYPHEN = "name_double_hyphen"
    LAST_HYPHEN = "name_last_hyphen"


def name_problem(name: str, longest: int) -> NameProblem | None:
    """The first thing that is wrong with a name, or None. Letters may be large: AWS keeps them small."""
    checks = (
        (NameProblem.EMPTY, not name),
        (NameProblem.TOO_LONG, len(name) > longest),
        (NameProblem.CHARACTERS, _ALLOWED.fullmatch(name) is None),
        (NameProblem.FIRST, not name[:1].isalpha()),
        (NameProblem.DOUBLE_HYPHEN, "--" in name),
        (NameProblem.LAST_HYPHEN, name.endswith("-")),
    )
    return next((problem for problem, wrong in checks if wrong), None)
