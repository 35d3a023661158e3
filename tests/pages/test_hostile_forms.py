"""What no honest person types: into every form class, and into every field of every page that takes any. None of it is a defect."""

from __future__ import annotations

import ast
import inspect
import random
import uuid
from collections.abc import Iterator, Sequence
from itertools import cycle
from types import ModuleType
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.domain.permissions import Role
from accounts.models import User
from tests.asking import Asking
from tests.factories import Cast
from tests.routes import routes
from tests.stage import Stage, make_stage
from tests.test_matrix import EXPECTED

APPS = ("accounts", "infra", "medical_audit", "redmine_sync")
#: What some forms are told besides what was typed.
BESIDES: dict[str, Any] = {
    "people": [(str(uuid.UUID(int=1)), "somebody")], "kinds": ["ec2.start"], "allowed": ["power.enter"],
    "user": User(username="hanako", name="佐藤 花子"), "fixed": "", "may_confirm": True, "region": "ap-northeast-1",
}  # fmt: skip
ODD = (
    "", " ", "\x00", "a\x00b", "9" * 400, "-1", "0", "1e999", "NaN", "½", "٣", "0001-01-01", "9999-12-31", "9999-12-31T23:59",
    "2026-02-30", "25:61", "[]", "{}", '{"what": 1}', "[" * 1500, str(uuid.UUID(int=0)), "not-a-uuid", "<script>", "'; --",
    "%s%(x)s{0}", "\u202e", "😀" * 300, "長" * 700, "../../etc/passwd", "http://[::1", "https://xn--/", "javascript:0", "a,b\r\nc", "*",
)  # fmt: skip
TYPED = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.dates().map(str)
)
#: Fields that say what is to be done: there the words of the page's own code lead furthest.
LEADING = (
    "then",
    "do",
    "go",
    "what",
    "decision",
    "mode",
    "step",
    "verdict",
    "kind",
    "scope",
    "wish",
    "stays",
)
#: So many values are drawn for all the fields of a page, in turn.
SPREAD = 23
#: Pages of who is not signed in; and those that end the seat that asks.
OUTSIDE = ("accounts:sign-in", "accounts:second-step", "accounts:invitation")
ENDING = ("accounts:sign-out", "accounts:lock")
BRIEFLY = settings(
    max_examples=4, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
#: Programs call these, and send no fields.
NO_PAGES = ("api", "admin:", "hooks:", "healthz", "readyz", "metrics", "set_language")


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def test_a_form_takes_anything_and_says_what_is_wrong(stage: Stage) -> None:
    found = form_classes()
    assert len(found) > 40
    for form in found:
        if names := list(made(form, None).fields):
            _throw_at(form, names)


def test_every_field_of_every_page_takes_anything(stage: Stage) -> None:
    of_forms = {name for form in form_classes() for name in made(form, None).fields}
    views = dict(_views())
    pages = [one for one in views if "POST" in EXPECTED[one].by_method and one not in ENDING]
    assert len(pages) > 60
    client, stranger = stage.client(Role.ADMINISTRATOR), Client()
    for name in pages:
        words = words_of(views[name])
        asks = stranger if name in OUTSIDE else client
        _send_to(asks, name, Asking(stage, name).url(), sorted(of_forms | words), sorted(words))


def form_classes() -> list[type[forms.BaseForm]]:
    """Every one that a page uses: all are imported with the addresses."""
    assert get_resolver().url_patterns
    found = {one for one in _below(forms.BaseForm) if one.__module__.partition(".")[0] in APPS}
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def made(form: type[forms.BaseForm], data: Any) -> forms.BaseForm:
    wanted = inspect.signature(form).parameters
    return form(data, **{name: value for name, value in BESIDES.items() if name in wanted})


def _throw_at(form: type[forms.BaseForm], names: Sequence[str]) -> None:
    @BRIEFLY
    @given(values=st.lists(TYPED, min_size=len(names), max_size=len(names)))
    def ask(values: list[str]) -> None:
        data = QueryDict(mutable=True)
        data.update(dict(zip(names, values, strict=True)))
        bound = made(form, data)
        assert bound.is_valid() or bound.errors, (form, data)

    ask()


def _views() -> Iterator[tuple[str, ModuleType]]:
    for name, one in routes(get_resolver().url_patterns):
        module = inspect.getmodule(inspect.unwrap(one.callback))
        if module is not None and not name.startswith(NO_PAGES):
            yield name, module


def words_of(module: ModuleType) -> set[str]:
    """Short words in the code of a page: names of fields that are read without a form, and what they may say."""
    return {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 20
        and node.value.replace("-", "_").isidentifier()
    }  # fmt: skip


def _send_to(client: Client, name: str, url: str, fields: Sequence[str], words: Sequence[str]) -> None:
    """Once, with what is drawn for this page, the same each time: hundreds of fields are sent together."""
    chance = random.Random(name)
    values, leads = [chance.choice(ODD) for _one in range(SPREAD)], [chance.choice(words) for _one in LEADING]
    data = dict(zip(fields, cycle(values), strict=False)) | dict(zip(LEADING, leads, strict=True))
    try:
        status = client.post(url, data).status_code
    except Exception as defect:
        defect.add_note(f"{name} {url} {leads} {values}")
        raise
    assert status < 500, (name, url, leads, values)
