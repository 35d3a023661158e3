"""The data folder: ours alone, never somebody's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.datafolder import MARKER, DataFolder, StackError, default_path
from medical_audit.domain.checkpoint import ORIGIN
from medical_audit.domain.notes import Signer


def test_a_folder_with_foreign_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StackError, match=r"thesis\.tex"):
        DataFolder(tmp_path).prepare()
    assert not (tmp_path / MARKER).exists()


def test_a_folder_without_our_marker_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StackError, match="left alone"):
        DataFolder(tmp_path).clear()
    assert (tmp_path / "thesis.tex").exists()


def test_fresh_empties_our_folder_but_keeps_it_ours(folder: DataFolder) -> None:
    folder.remember("schema", "abc")
    (folder.path / "pg").mkdir()
    folder.clear()
    assert folder.remembered("schema") is None
    assert sorted(entry.name for entry in folder.path.iterdir()) == [MARKER]
    folder.prepare()


def test_clear_follows_no_link_out_of_the_folder(folder: DataFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (folder.path / "link").symlink_to(elsewhere)
    folder.clear()
    assert (elsewhere / "kept").exists()


def test_a_deep_folder_gets_its_sockets_elsewhere(tmp_path: Path) -> None:
    deep = DataFolder(tmp_path / ("deep" * 25))
    deep.prepare()
    assert len(str(deep.run / ".s.PGSQL.5432")) < 107
    assert deep.run.exists()
    assert deep.run == DataFolder(deep.path).run, "the same folder must find its sockets again"
    deep.remove_run_folder()
    assert not deep.run.exists()


def test_only_one_demo_holds_a_folder(folder: DataFolder) -> None:
    with folder.demo_lock():
        assert folder.demo_is_running()
        with pytest.raises(StackError, match="already running"), DataFolder(folder.path).demo_lock():
            pass
    assert not folder.demo_is_running()


def test_the_secret_key_is_made_once_and_closed_to_others(folder: DataFolder) -> None:
    key = folder.secret_key()
    assert len(key) >= 50
    assert DataFolder(folder.path).secret_key() == key
    assert (folder.path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_broken_memory_is_forgotten_not_fatal(folder: DataFolder) -> None:
    (folder.path / "memory.json").write_text("{half")
    assert folder.remembered("simulator_port") is None
    folder.remember("simulator_port", 12345)
    assert folder.remembered("simulator_port") == 12345


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TOBAN_DATA": "/srv/toban", "XDG_STATE_HOME": "/state"}, Path("/srv/toban")),
        ({"XDG_STATE_HOME": "/state"}, Path("/state/toban")),
        ({}, Path.home() / ".local" / "state" / "toban"),
    ],
)
def test_where_the_folder_lies(environ: dict[str, str], expected: Path) -> None:
    assert default_path(environ) == expected


def test_the_sealing_key_is_made_once_and_its_public_half_belongs_to_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    file, public = folder.seal_key()
    seed = file.read_text()
    assert str(Signer.from_text(ORIGIN, seed).verifier) == public
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.seal_key() == (file, public)
    assert file.read_text() == seed
