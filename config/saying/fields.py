"""Read a field of a domain object, a model row or the plain JSON of the ledger alike."""

from collections.abc import Mapping
from typing import Any


def field(value: object, name: str, default: object = "") -> Any:
    """Give the item or attribute `name`, else the default."""
    if isinstance(value, Mapping):
        return value.get(name, default)
    return getattr(value, name, default)
