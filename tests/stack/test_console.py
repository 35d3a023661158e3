"""The one script and its verbs, as far as they can be told without installing anything."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from config.console import locks, suite
from config.console.__main__ import VERBS
from config.console.demo import _instant, summary
from config.console.programs import EVERYTHING, STOP_ORDER, programs
from config.stack import ROOT


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module, its environment in a temporary folder."""
    monkeypatch.setenv("TOBAN_VENV", str(tmp_path / "venv"))
    loader = SourceFileLoader("toban_script", str(ROOT / "toban"))
    spec = spec_from_loader("toban_script", loader)
    assert spec is not None
    module: ModuleType = module_from_spec(spec)
    loader.exec_module(module)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").touch()
    return module


def test_help_names_every_verb(script: Any) -> None:
    assert set(script.NEEDS) == set(VERBS)
    for verb in VERBS:
        assert f"./toban {verb}" in script.__doc__


def test_the_script_runs_on_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "toban", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "./toban demo" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-S", "toban", "frob"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "'frob'" in wrong.stderr


def test_an_old_python_is_told_which_one_is_needed(
    script: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert script.main(["demo"]) == 2
    assert "Python 3.11 or newer" in capsys.readouterr().err


def test_the_script_parses_on_pythons_that_it_refuses() -> None:
    compile((ROOT / "toban").read_text(), "toban", "exec", flags=0, _feature_version=7)


def test_a_list_counts_as_installed_until_its_lock_changes(script: Any) -> None:
    assert not script.is_installed("demo")
    script.mark("demo").write_text(script.wanted("demo"))
    assert script.is_installed("demo")
    assert not script.is_installed("dev")
    script.mark("demo").write_text("an older lock")
    assert not script.is_installed("demo")


def test_the_longer_list_does_for_the_shorter_one(script: Any) -> None:
    script.mark("dev").write_text(script.wanted("dev"))
    assert script.is_installed("demo")
    assert script.is_installed("production")


def test_a_folder_that_is_no_environment_is_not_removed(script: Any, tmp_path: Path) -> None:
    (tmp_path / "venv" / "precious").touch()
    with pytest.raises(script.Refusal, match="in the way"):
        script.make_environment()
    assert (tmp_path / "venv" / "precious").exists()


def test_the_locks_agree_with_each_other_and_with_their_sources() -> None:
    assert locks.stale() == []
    pins = {
        name: set(
            re.findall(r"^[\w.-]+==[^ ]+", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
        )
        for name in locks.ORDER
    }
    assert pins["production"] < pins["demo"] < pins["dev"]
    assert pins["bootstrap"] < pins["dev"]


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-30T08:30", "08:30"])
def test_an_instant_needs_a_date_and_a_zone(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        _instant(text)


def test_an_instant_with_its_zone_is_taken() -> None:
    assert _instant("2026-11-30T08:30+09:00") == datetime(2026, 11, 29, 23, 30, tzinfo=UTC)


def test_the_summary_is_one_line_whatever_is_in_it() -> None:
    said = summary({"ready": True, "database": {"ok": True, "ms": 2}, "last_tick_s": 3, "details": [1, 2]})
    assert said == "ready True · database ok True · database ms 2 · last_tick_s 3"
    assert summary(None) == "the web server does not answer"


def test_each_program_connects_as_the_role_for_its_work(tmp_path: Path) -> None:
    roles = {name: program.role for name, program in programs(bind="127.0.0.1:1", state=tmp_path).items()}
    assert roles == {
        "web": "DATABASE_URL",
        "control": "DATABASE_SCHEDULER_URL",
        "aws": "DATABASE_WORKER_URL",
        "inventory": "DATABASE_WORKER_URL",
        "tickets": "DATABASE_WORKER_URL",
        "commits": "DATABASE_WORKER_URL",
        "channels": "DATABASE_WORKER_URL",
        "beat": "DATABASE_SCHEDULER_URL",
        "sealer": "DATABASE_AUDIT_URL",
    }


def test_every_program_has_its_place_in_the_order_of_stopping() -> None:
    assert sorted(name for group in STOP_ORDER for name in group) == sorted(EVERYTHING)


@pytest.mark.parametrize(
    ("arguments", "spread"),
    [([], True), (["tests/stack"], True), (["-n", "0"], False), (["-n0"], False), (["--pdb"], False)],
)
def test_tests_use_all_cores_unless_told_otherwise(arguments: list[str], spread: bool) -> None:
    assert suite.is_spread(arguments) is spread


@pytest.mark.parametrize(
    ("arguments", "left"),
    [(["-q"], ["-q"]), (["--redmine"], ["tests/redmine"]), (["--redmine", "-q", "tests/redmine/x.py"], ["-q", "tests/redmine/x.py"])],
)  # fmt: skip
def test_a_real_redmine_is_asked_for_by_name(arguments: list[str], left: list[str]) -> None:
    assert suite.for_pytest(arguments) == left
