"""Reading a REST body: what no honest client sends is refused before anybody walks into it."""

import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import JSONParser

DEEPEST: Final = 32
#: PostgreSQL keeps neither a NUL nor half of a surrogate pair; JSON can write both.
_UNKEEPABLE: Final = re.compile("[\x00\ud800-\udfff]")


class BodyTooLong(APIException):
    """More than DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    status_code = 413
    default_code = "body_too_long"


class ShallowJSONParser(JSONParser):
    """REST framework's parser; a body that is too deep cannot be read (400), one that is too long is not read to its end (413), and
    a field with text that nothing can keep is named (422): never a defect of ours."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        longest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        sent = stream.read(longest + 1)
        if len(sent) > longest:
            raise BodyTooLong
        try:
            body: Any = super().parse(BytesIO(sent), media_type, parser_context)
        except (RecursionError, LookupError):  # too deep; a charset that nobody knows
            raise ParseError from None
        if not isinstance(body, dict):
            if _has_unkeepable(body):
                raise ParseError
            return body
        if any(_UNKEEPABLE.search(name) for name in body):
            raise ParseError
        wrong = [name for name, value in body.items() if _has_unkeepable(value)]
        if wrong:
            told = _("This holds a character that cannot be kept (NUL, or half of one).")
            raise ValidationError({name: [told] for name in wrong})
        return body


def _has_unkeepable(value: Any) -> bool:
    """Raises ParseError for what is too deep."""
    level = [value]
    for _depth in range(DEEPEST):
        if any(isinstance(one, str) and _UNKEEPABLE.search(one) for one in level):
            return True
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    raise ParseError


def _inside(value: Any) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
