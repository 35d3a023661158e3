"""Whether the statements of an IAM policy allow something: what an explicit deny takes away nothing gives back.

As far as Toban's policies go, and loudly no further: an operator that stands in none of them is a KeyError. Source: IAM user guide,
"Policy evaluation logic", "Condition operators", "Multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Statement = Mapping[str, Any]
Values = Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a call asks for. resource: its ARN, None where nobody looks at it; context: condition keys and their values, as many
    as a key has; known: which keys can be looked at: one that cannot keeps no Allow from applying, and lets no Deny apply."""

    action: str
    resource: str | None = None
    context: Mapping[str, Values] = field(default_factory=dict)
    known: Callable[[str], bool] = lambda key: True


def allows(statements: Iterable[Statement], asked: Asked) -> bool:
    """An Allow applies, and no Deny does."""
    mine = [one for one in statements if _is_about(one, asked)]
    if any(one["Effect"] == "Deny" and _holds(one, asked, unknown=False) for one in mine):
        return False
    return any(one["Effect"] == "Allow" and _holds(one, asked, unknown=True) for one in mine)


def listed(value: Any) -> list[str]:
    """What a policy writes as one value or several."""
    return [value] if isinstance(value, str) else list(value)


def _is_about(statement: Statement, asked: Asked) -> bool:
    # AWS reads actions without regard to case.
    named = any(fnmatchcase(asked.action.lower(), one.lower()) for one in listed(statement["Action"]))
    there = asked.resource is None or any(
        fnmatchcase(asked.resource, one) for one in listed(statement["Resource"])
    )
    return named and there


def _holds(statement: Statement, asked: Asked, *, unknown: bool) -> bool:
    # The keys of conditions, those of tags in them too, are read without regard to case.
    context = {key.lower(): list(values) for key, values in asked.context.items()}
    return all(
        _compares(operator, context.get(key.lower()), listed(wanted)) if asked.known(key) else unknown
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _compares(operator: str, present: list[str] | None, wanted: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return (present is None) is (wanted == ["true"])
    compare = _OPERATORS[name]
    if quantifier == "ForAllValues":
        return all(any(compare(value, one) for one in wanted) for value in present or ())
    if present is None:
        return False
    return any(compare(value, one) for value in present for one in wanted)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": fnmatchcase,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}
