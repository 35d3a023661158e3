"""What is said of a field is said in the language that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import translation
from rest_framework import serializers

from accounts.domain.permissions import Role
from tests.api.test_everything import functions
from tests.api.test_v1 import problem, send
from tests.stage import Stage


def fields_of(serializer: Any) -> Iterator[serializers.Field[Any, Any, Any, Any]]:
    yield serializer
    for one in getattr(serializer, "fields", {}).values():
        yield from fields_of(one)
    child = getattr(serializer, "child", None)
    if child is not None:
        yield from fields_of(child)


def said_of(takes: Any, language: str) -> list[str]:
    """Every message of its fields, of a serializer made anew: REST framework's validators remember theirs."""
    with translation.override(language):
        found = []
        for one in fields_of(takes()):
            found += [
                *one.error_messages.values(),
                *(getattr(check, "message", "") for check in one.validators),
            ]
        return [str(message) for message in found if message]


def test_every_message_that_a_field_can_give_is_said_in_japanese() -> None:
    taken = {one.described.takes for one in functions().values()} - {None}
    assert len(taken) > 50
    english = set()
    for takes in taken:
        english |= set(said_of(takes, "ja")) & set(said_of(takes, "en"))
    assert english == set()


def test_a_faulty_file_is_told_as_the_pages_tell_it(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    said = []
    for language in ("ja", "en"):
        answer = send(
            client, stage.api("planning/look/"), {"content": "schedules: 7"}, **{"Accept-Language": language}
        )
        said.append(problem(answer)["fields"]["content"][0])
        text = send(client, stage.api("planning/look/"), [], **{"Accept-Language": language})
        said.append(problem(text)["fields"]["non_field_errors"][0])
    assert len(set(said)) == 4
