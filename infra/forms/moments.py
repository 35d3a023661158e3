"""A moment as people type it, in the tenant's zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

LOCAL = "%Y-%m-%dT%H:%M"
#: Outside these no moment is meant, and some cannot be told in another zone.
_EARLIEST, _LATEST = 2000, 2199


class MomentField(forms.DateTimeField):
    """A local date and time without a zone, of a year that somebody can mean."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[LOCAL], **kwargs)

    def clean(self, value: Any) -> datetime | None:
        """Raises ValidationError (invalid)."""
        found: datetime | None = super().clean(value)
        if found is not None and not _EARLIEST <= found.year <= _LATEST:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return found
