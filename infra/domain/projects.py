"""Which project a resource belongs to: by the rules of the tenant's projects, else by its own tag Project."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TAG = "Project"
NAME_MAX = 300
VALUES_MAX = 50
_KEY = re.compile(r"[\w .:/=+@-]{1,128}")


@dataclass(frozen=True, slots=True)
class ProjectRule:
    """Resources whose tag `key` has one of `values` belong to `name`; a value that ends with * stands for its beginning."""

    name: str
    key: str
    values: tuple[str, ...]

    def takes(self, tags: Mapping[str, str]) -> bool:
        value = tags.get(self.key)
        return value is not None and any(_fits(value, one) for one in self.values)


def project_of(tags: Mapping[str, str], rules: Sequence[ProjectRule]) -> str:
    """The project of the first rule (by name) that takes it; where none does, what its own tag says; "" for none."""
    for rule in rules:
        if rule.takes(tags):
            return rule.name
    return tags.get(TAG, "")[:NAME_MAX]


def clean_values(given: Sequence[str]) -> list[str] | None:
    """Each once, in order; None where one cannot be a tag's value, or would stand for everything."""
    values = sorted({one.strip() for one in given if one.strip()})
    fits = all(len(one) <= 256 and one.isprintable() and one != "*" for one in values)
    return values if 1 <= len(values) <= VALUES_MAX and fits else None


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def _fits(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
