"""The command line client against the real API: only the wire between them is left out."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from client import toban_client
from medical_audit.operations import entry
from tests.factories import PASSWORD
from tests.stage import Stage
from tests.tokens import make_token

Run = Callable[..., tuple[int, str, str]]


def through_django(
    method: str, address: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, bytes]:
    """What `toban_client.over_http` does, without a socket."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    answer = Client().generic(
        method, path, body or b"", content_type=headers.get("Content-Type", ""), headers=dict(headers)
    )
    return answer.status_code, answer.content


@pytest.fixture
def run(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The client as an operator of the stage, signed in by token."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("TOBAN_SERVER", "TOBAN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(make_token(stage.cast, Role.OPERATOR) + "\n"))
    assert toban_client.main(["login", "https://toban.example.jp/"], send=through_django) == 0
    capsys.readouterr()

    def ask(*arguments: str) -> tuple[int, str, str]:
        ended = toban_client.main(arguments, send=through_django)
        told = capsys.readouterr()
        return ended, told.out, told.err

    return ask


def test_the_token_is_kept_for_its_owner_only(run: Run, stage: Stage, tmp_path: Path) -> None:
    kept = tmp_path / "toban" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    ended, told, _error = run("whoami")
    assert ended == 0
    assert f"operator @ {stage.slug}" in told
    assert "power.enter" in told


def test_a_server_is_found_listed_explained_and_started(run: Run, stage: Stage) -> None:
    stage.resource(name="web", tags={"AutoStart": "08:30", "AutoStop": "19:00"})
    stage.resource(name="db")
    assert len(run("list")[1].splitlines()) == 2
    assert "web" in run("list", "we")[1]
    told = run("explain", "web")[1]
    assert len([line for line in told.splitlines() if "start" in line]) >= 7
    ended, entered, _error = run("enter", "start", "web", "--reason", "臨時")
    assert ended == 0
    assert "ENTERED" in entered
    assert "ec2.start" in run("operations", "--state", "entered")[1]


def in_small_pages(
    method: str, address: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, bytes]:
    if "/operations/" in address:
        address += f"{'&' if '?' in address else '?'}limit=2"
    return through_django(method, address, headers, body)


def test_every_operation_is_listed_not_only_the_first_page(
    run: Run, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {str(stage.entered().id) for _one in range(5)}
    assert toban_client.main(["operations"], send=in_small_pages) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} >= made


def test_a_name_from_aws_moves_no_cursor_and_forges_no_line(run: Run, stage: Stage) -> None:
    stage.resource(name="web\x1b[2K\r\nrunning db\u202e　本番")
    (line,) = run("list")[1].splitlines()
    assert "web\ufffd[2K\ufffd\ufffdrunning db\ufffd　本番" in line


def test_an_operation_is_confirmed_with_the_password_and_followed_to_its_end(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = stage.entered()
    answers = iter([PASSWORD, ""])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    assert "CONFIRMED" in run("confirm", str(operation.id))[1]
    withdrawn = stage.entered()
    entry.withdraw(withdrawn.id, actor=stage.cast.actor(Role.OPERATOR), now=withdrawn.entered_at)
    ended, told, _error = run("follow", str(withdrawn.id))
    assert (ended, told.startswith("WITHDRAWN")) == (4, True)


def test_following_outlasts_a_toban_that_is_away_for_a_moment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    withdrawn = stage.entered()
    entry.withdraw(withdrawn.id, actor=stage.cast.actor(Role.OPERATOR), now=withdrawn.entered_at)
    monkeypatch.setattr(toban_client, "ASK_EVERY_S", 0)
    monkeypatch.setenv("TOBAN_SERVER", "https://toban.example.jp")
    monkeypatch.setenv("TOBAN_TOKEN", make_token(stage.cast, Role.OPERATOR))
    asked: list[str] = []

    def at_times(
        method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        asked.append(address)
        if len(asked) in (2, 3):
            raise OSError("connection refused")
        return through_django(method, address, headers, body)

    assert toban_client.main(["follow", str(withdrawn.id)], send=at_times) == 4
    assert "WITHDRAWN" in capsys.readouterr().out


def test_what_toban_refuses_is_told_in_its_words(run: Run, stage: Stage) -> None:
    stage.resource(name="web", state="running")
    ended, _told, error = run("enter", "start", "web", "--reason", "臨時")
    assert (ended, "すでに稼働しています。" in error) == (1, True)
    ended, _told, error = run("--language", "en", "explain", "nothing")
    assert (ended, error.startswith("nothing is the name of 0 resources. Give an id")) == (1, True)
    assert "ID を指定してください。" in run("explain", "nothing")[2]
    with pytest.raises(SystemExit) as wrong:
        run("enter", "reboot", "web", "--reason", "x")
    assert wrong.value.code == 2


def test_a_token_goes_over_tls_and_to_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert toban_client.main(["login", "http://toban.example.jp"], send=through_django) == 1
    assert "https" in capsys.readouterr().err

    assert toban_client.main(["--language", "ja", "login", "http://[bad"], send=through_django) == 1
    assert "https:// で始まる" in capsys.readouterr().err

    def nobody(*_given: object) -> tuple[int, bytes]:
        raise OSError("no route to host")

    assert toban_client.checked("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TOBAN_SERVER", "https://toban.example.jp")
        patched.setenv("TOBAN_TOKEN", "toban_x")
        assert toban_client.main(["whoami"], send=nobody) == 3
        assert "https://toban.example.jp の Toban に接続できません" in capsys.readouterr().err
        patched.delenv("TOBAN_TOKEN")
        assert toban_client.main(["--language", "en", "whoami"], send=nobody) == 1
        assert "Set both TOBAN_SERVER and TOBAN_TOKEN" in capsys.readouterr().err
        patched.setenv("TOBAN_TOKEN", "toban_x")
        patched.setenv("TOBAN_SERVER", "http://toban.example.jp")
        assert toban_client.main(["--language", "en", "whoami"], send=nobody) == 1
        assert "without encryption" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'"x"', b"null"])
def test_what_does_not_answer_as_toban_does_is_named(
    answer: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOBAN_SERVER", "https://toban.example.jp")
    monkeypatch.setenv("TOBAN_TOKEN", "toban_x")
    assert toban_client.main(["whoami"], send=lambda *_given: (302, answer)) == 1
    assert "toban.example.jp" in capsys.readouterr().err
    monkeypatch.setenv("TOBAN_TOKEN", "トークン")
    assert toban_client.main(["--language", "en", "whoami"], send=lambda *_given: (200, b"{}")) == 1
    assert "toban_…" in capsys.readouterr().err


def test_without_a_terminal_or_a_login_it_says_what_to_do(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operation = stage.entered()

    def closed(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", closed)
    ended, _told, error = run("confirm", str(operation.id))
    assert (ended, "端末で実行してください。" in error) == (1, True)
    (tmp_path / "toban" / "login.json").write_text("[]")
    ended, _told, error = run("--language", "en", "whoami")
    assert (ended, "Not signed in." in error) == (1, True)
