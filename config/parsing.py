"""Reading a REST body: JSON that no honest client nests as deep as it could is refused before anybody walks into it."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST = 32


class ShallowJSONParser(JSONParser):
    """REST framework's parser; too deep a body is a body that cannot be read (400), never a defect of ours."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            body = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError from None
        level = [body]
        for _depth in range(DEEPEST):
            level = [inner for one in level for inner in _inside(one)]
            if not level:
                return body
        raise ParseError


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
