"""Japanese unless somebody chose English; both complete, neither mixed."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from infra.domain.calendar import national
from tests.stage import Stage

JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
PATHS = ("", "resources/", "volumes/", "operations/", "ledger/")


def english(client: Client) -> Client:
    client.post("/language/", {"language": "en", "next": "/"})
    return client


def test_pages_are_japanese_by_default(stage: Stage) -> None:
    page = stage.client(Role.VIEWER).get(stage.url()).content.decode()
    assert '<html lang="ja"' in page
    assert "今日" in page


def test_a_browser_that_prefers_english_gets_english(stage: Stage) -> None:
    answer = Client().get("/sign-in/", headers={"Accept-Language": "en"})
    assert '<html lang="en"' in answer.content.decode()
    assert "Sign in" in answer.content.decode()


@pytest.mark.parametrize("path", PATHS)
def test_english_pages_carry_no_japanese_but_names(stage: Stage, path: str) -> None:
    stage.resource(name="web", project="emr", tags={"AutoStart": "08:30", "AutoStop": "19:00"})
    page = english(stage.client(Role.ADMINISTRATOR)).get(stage.url(path)).content.decode()
    shown = re.sub(r"<[^>]+>", " ", page).replace(stage.cast.tenant.name, "").replace("当番", "")
    shown = (
        shown.replace("日本語", "")
        .replace(stage.account.name, "")
        .replace("テナント", "")
        .replace("アカウント", "")
    )
    for holiday in national(range(2026, 2028)).holidays.values():
        shown = shown.replace(holiday, "")
    assert '<html lang="en"' in page
    assert JAPANESE.findall(shown.partition('class="lines ledger"')[0]) == []


def test_the_chosen_language_stays_and_leads_back_to_the_page(stage: Stage) -> None:
    client = stage.client(Role.VIEWER)
    answer = client.post("/language/", {"language": "en", "next": stage.url("resources/")})
    assert answer["Location"] == stage.url("resources/")
    assert "Resources" in client.get(stage.url("resources/")).content.decode()
    answer = client.post("/language/", {"language": "ja", "next": "https://evil.example/"})
    assert answer["Location"] == "/"
    assert "リソース" in client.get(stage.url("resources/")).content.decode()


def test_errors_speak_the_language_of_the_page(stage: Stage) -> None:
    client = stage.client(Role.VIEWER)
    assert "お探しのページや対象は、ここにはありません。" in client.get("/t/nope/").content.decode()
    assert "There is no such page or thing here." in english(client).get("/t/nope/").content.decode()
