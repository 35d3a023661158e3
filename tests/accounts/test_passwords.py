"""What nobody may choose as a password: known from breaches, made of the words around him, or the old one counted up."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts import breached
from accounts.domain.passwords import is_like, is_made_of_common, is_only_context, words_of
from accounts.domain.permissions import Role
from accounts.operations import signing
from config.checks import check_settings
from medical_audit import clock
from medical_audit.domain.errors import Refused
from tests.accounts.test_second_factor import person, proven
from tests.factories import PASSWORD, Cast


@pytest.mark.parametrize(
    ("password", "refused"),
    [
        ("mailcreated5240", True),  # in the list as it stands
        ("MailCreated5240", True),
        ("ｐａｓｓｗｏｒｄ１２３４５", True),
        ("P@ssw0rd2026!", True),
        ("!!Sunshine1999!!", True),
        ("2026dragon2026", True),
        ("zyzzyzyzzyzyzzy", True),
        ("98765432109876", True),
        ("kumo-to-yama-41", False),
        ("raku-da wa sabaku 41", False),
        ("sunshine never ends here", False),  # common words are no common password
        ("dragon482019371846", False),
        ("ラクダは砂漠を歩いた", False),
    ],
)
def test_what_breaches_showed_is_refused_with_a_little_around_it(password: str, refused: bool) -> None:
    assert is_made_of_common(password, breached.is_common) is refused


@pytest.mark.parametrize(
    ("password", "refused"),
    [
        ("Toban-Hospital-2026!", True),
        ("sakuragawa-2027-aws", True),
        ("桜川病院当番２０２６", True),
        ("mori.taro#1984", True),
        ("minato2010b-2026!", True),  # a year inside a name hides the name from nobody
        ("to1999ban-hospital", True),  # nor does one put into a word
        ("sakuragawa no kumo wa shiroi", False),
    ],
)
def test_the_words_around_a_person_make_no_password(password: str, refused: bool) -> None:
    around = words_of("mori.taro", "森 太郎", "sakuragawa", "桜川病院", "minato2010b")
    assert is_only_context(password, around) is refused


@pytest.mark.parametrize(
    ("new", "refused"),
    [("yama-no-kumo-42", True), ("Y4ma-No-Kumo-99!", True), ("kumo-no-yama-41", False), ("ein ganz anderes", False)],
)  # fmt: skip
def test_the_old_password_counted_up_is_the_old_password(new: str, refused: bool) -> None:
    assert is_like(new, "yama-no-kumo-41") is refused
    assert not is_like(new, "")


def listed(path: Path, passwords: list[str], line: str = "{}:7\r\n") -> str:
    hashes = sorted(
        hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in passwords
    )
    path.write_bytes("".join(line.format(one) for one in hashes).encode())
    return str(path)


@pytest.mark.parametrize("line", ["{}:7\r\n", "{}\n", "{}:123456789\n"])
def test_the_file_of_an_installation_is_searched_where_it_lies(
    settings: Settings, tmp_path: Path, line: str
) -> None:
    inside = [f"inside {number}" for number in range(257)]
    settings.BREACHED_PASSWORDS = listed(tmp_path / "pwned.txt", inside, line)
    breached.prove_file(settings.BREACHED_PASSWORDS)
    assert all(breached.is_breached(one) for one in inside)
    assert not any(breached.is_breached(f"outside {number}") for number in range(257))


def test_empty_lines_at_its_end_are_no_lines(settings: Settings, tmp_path: Path) -> None:
    settings.BREACHED_PASSWORDS = listed(tmp_path / "pwned.txt", ["inside 1", "inside 2"], "{}:7\n")
    with Path(settings.BREACHED_PASSWORDS).open("ab") as handle:
        handle.write(b"\r\n\n")
    breached.prove_file(settings.BREACHED_PASSWORDS)
    assert [breached.is_breached(f"inside {number}") for number in range(1, 100)] == [True] * 2 + [False] * 97


def test_the_operation_asks_both_lists_and_the_names_of_the_tenants(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    settings.BREACHED_PASSWORDS = listed(tmp_path / "pwned.txt", ["kumo wa shiroi 7"])

    def change(password: str, before: str = PASSWORD) -> None:
        signing.change_password(user, password, before, actor=person(user), now=now, proof=proven(user, now))

    for weak in ("kumo wa shiroi 7", "mailcreated5240", f"{cast.tenant.name}-2026-aws"):
        with pytest.raises(Refused, match="weak_password"):
            change(weak)
    for again in (PASSWORD, PASSWORD.replace("7", "8")):
        with pytest.raises(Refused, match="password_like_before"):
            change(again)
    with pytest.raises(Refused, match="password_like_before"):
        change(PASSWORD, before="")  # by its hash
    change("kumo wa shiroi 8")


def test_a_named_list_that_cannot_be_read_stops_the_start_and_every_new_password(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    user, now, path = cast.people[Role.OPERATOR], clock.now(), tmp_path / "pwned.txt"
    settings.PROCESS, settings.BREACHED_PASSWORDS = "web", str(path)
    for text, said in (
        (None, "No such file"),
        ("", "is no line of SHA-1"),
        ("passwords\n", "is no line of SHA-1"),
        (f"{'F' * 40}:1\n{'0' * 40}:2\n", "is not ordered"),
    ):
        if text is not None:
            path.write_text(text)
        (message,) = check_settings()
        assert (message.id, said in message.msg) == ("toban.E012", True), message.msg
    path.write_text("passwords\n")
    with pytest.raises(Refused, match="breached_list_unreadable"):
        signing.change_password(
            user, "kumo wa shiroi 8", PASSWORD, actor=person(user), now=now, proof=proven(user, now)
        )
    settings.PROCESS = "control"  # sets no password
    assert check_settings() == []


def test_a_password_counts_as_it_was_typed_however_long(cast: Cast) -> None:
    user, typed = cast.people[Role.OPERATOR], f" ラクダ {'は砂漠を歩いた ' * 20}"
    now = clock.now()
    signing.change_password(user, typed, PASSWORD, actor=person(user), now=now, proof=proven(user, now))
    door = Client()
    for near in (typed.strip(), typed[:72], typed.upper() + "x"):
        assert door.post("/sign-in/", {"username": user.username, "password": near}).status_code == 422
    assert door.post("/sign-in/", {"username": user.username, "password": typed}).status_code == 302


def test_the_demos_people_come_into_no_house_with_people_of_its_own(cast: Cast) -> None:
    assert cast.people
    with pytest.raises(CommandError, match="not the demo's"):
        call_command("demo_seed")
