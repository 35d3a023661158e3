"""What Toban keeps in the row of a resource, word by word: two that write at one moment leave each other's words alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F, Func, JSONField, TextField, Value
from django.db.models.functions import Cast

from infra.models import Resource


def keep_word(resource: UUID, name: str, value: Mapping[str, Any] | None) -> None:
    """Keep a value under this name, or (None) nothing any more. Needs the tenant bound."""
    word: Cast | Value = Cast(Value(name), TextField())
    joined = " - "
    if value is not None:
        word, joined = Value({name: dict(value)}, JSONField()), " || "
    memory = Func(
        F("memory"), word, template="(%(expressions)s)", arg_joiner=joined, output_field=JSONField()
    )
    Resource.objects.filter(id=resource).update(memory=memory)
