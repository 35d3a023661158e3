"""git as we run it: no address is an option, nobody is asked, a deadline holds, and every trouble has a name. Real git, real sshd."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.domain.permissions import Role
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import BadAddress
from redmine_sync.domain.git_problems import GitError, problem_of
from redmine_sync.domain.keys import fingerprint_of, make_pair
from redmine_sync.domain.remotes import read_remote
from redmine_sync.git import Access, Mirror, Watch, host_key_of, remote_heads
from redmine_sync.models import Place, RunState
from redmine_sync.operations import registering, repository_keys
from tests.redmine.origin import SSHD, Origin, Sshd, git
from tests.redmine.shop import REASON
from tests.redmine.yard import Yard

needs_sshd = pytest.mark.skipif(SSHD is None, reason="no sshd on this machine (Debian: openssh-server)")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    one = Origin(tmp_path)
    one.push("first")
    return one


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    one = Sshd(tmp_path / "sshd").start()
    yield one
    one.stop()


def ssh_url(origin: Origin, sshd: Sshd) -> str:
    return f"ssh://{os.environ.get('USER') or 'root'}@127.0.0.1:{sshd.port}{origin.bare}"


# -- addresses -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["--upload-pack=touch /tmp/x", "-oProxyCommand=x", "ext::sh -c touch% /tmp/x", "ssh://-oProxyCommand=x/acme/portal",
     "ssh://git@-host/acme/portal", "git@github.com:-acme/portal", "ssh://git@host/acme/--upload-pack=x", "http://github.com/acme/portal",
     "git://github.com/acme/portal", "ssh://git@host/../../etc", "ssh://git@host/acme/portal;x", "ssh://git@host/$(x)/y",
     "https://169.254.169.254/acme/portal", "ssh://git@ho st/a/b", "ssh://git@host/a b", "", "acme/portal", "https://github.com/acme/portal?x=y",
     "ssh://git@host/acme/portal\n--x", "fd::17/foo", "ssh://git;x@host/acme/portal"],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        read_remote(text, local=True)


@pytest.mark.parametrize(
    "text", ["file:///srv/x.git", "ssh://git@127.0.0.1/acme/x", "https://localhost/acme/x", "/srv/x.git"]
)
def test_this_very_machine_is_for_trying_out_only(text: str) -> None:
    with pytest.raises(BadAddress):
        read_remote(text, local=False)


def test_the_short_form_is_ssh_and_a_password_is_a_secret() -> None:
    remote = read_remote(" git@github.com:acme/portal.git ", local=False)
    assert (remote.url, remote.host, remote.port, remote.name, remote.has_key) == (
        "ssh://git@github.com/acme/portal.git", "github.com", 22, "acme/portal", True,
    )  # fmt: skip
    with pytest.raises(BadAddress, match="remote_secret"):
        read_remote("https://user:token@github.com/acme/portal", local=False)


# -- how it is run ---------------------------------------------------------------------------------------------------------


def test_an_address_that_is_an_option_is_an_address_for_git_too(tmp_path: Path) -> None:
    """Should one come through all the same, it stands behind the end of options."""
    mark = tmp_path / "mark"
    with pytest.raises(GitError):
        remote_heads(Access(f"--upload-pack=touch {mark}"))
    with pytest.raises(GitError):
        remote_heads(Access(f"ext::sh -c touch% {mark}"))
    assert not mark.exists()


def test_settings_and_hooks_of_the_machine_are_not_read(
    origin: Origin, tmp_path: Path, monkeypatch: Any
) -> None:
    mark, home = tmp_path / "mark", tmp_path / "home"
    (home / "hooks").mkdir(parents=True)
    hook = home / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    config = home / ".gitconfig"
    config.write_text(
        f'[core]\n\thooksPath = {home}/hooks\n[url "file:///nowhere/"]\n\tinsteadOf = file://\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    mirror = Mirror(tmp_path / "mirrors" / "x.git")
    mirror.make()
    (mirror.folder / "hooks").mkdir(exist_ok=True)
    (mirror.folder / "hooks" / "reference-transaction").symlink_to(hook)
    mirror.fetch(Access(origin.url), strict=False)
    assert mirror.heads() == {"refs/heads/main": origin.commits[-1]}
    assert not mark.exists()


@pytest.mark.parametrize(
    "name",
    ["objects/pack/tmp_pack_abc123", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "refs/heads/team/old.lock"],
)  # fmt: skip
def test_what_a_fetch_that_was_killed_left_behind_goes_with_the_next(
    name: str, origin: Origin, tmp_path: Path
) -> None:
    """A killed git leaves its half pack; one each quarter of an hour would fill the disk. Its locks would stop every other."""
    mirror = Mirror(tmp_path / "x.git")
    mirror.make()
    with mirror.alone():
        origin.push("of a team", branch="team/old")
        mirror.fetch(Access(origin.url), strict=False)
        git(mirror.folder, "pack-refs", "--all")
        origin.delete("team/old")
        origin.push("more")
        left = mirror.folder / name
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
        mirror.fetch(Access(origin.url), strict=False)
    assert not left.exists()
    assert mirror.heads() == {"refs/heads/main": origin.commits[-1]}


def test_a_server_that_never_answers_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(GitError, match="git_timeout"):
            remote_heads(Access(f"https://127.0.0.1:{port}/acme/portal"), patience_s=1.0)


@pytest.mark.parametrize(
    ("steps", "over"),
    [
        ([(10, 0), (119, 0)], None),
        ([(121, 0)], 120.0),
        ([(110, 5), (220, 9), (339, 9)], None),  # a thin line is no dead one
        ([(110, 5), (231, 5)], 120.0),
        ([(110 * n, n) for n in range(1, 33)], None),
        ([(110 * n, n) for n in range(1, 34)], 3600.0),
    ],
)
def test_a_git_that_says_something_is_waited_for(steps: list[tuple[float, int]], over: float | None) -> None:
    watch = Watch(began=1000.0, patience_s=3600.0, silent_s=120.0)
    found = [watch.over(1000.0 + at, said) for at, said in steps]
    assert found[-1] == over
    assert not any(found[:-1])


def test_a_worker_that_lost_its_lease_ends_its_git_and_all_that_it_started() -> None:
    class Lost(Exception):
        pass

    def lost() -> None:
        raise Lost

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Lost):
            remote_heads(Access(f"https://127.0.0.1:{port}/acme/portal"), lost)
        running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert f"127.0.0.1:{port}" not in running


def test_two_do_not_fetch_into_one_mirror(origin: Origin, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "x.git")
    mirror.make()
    with mirror.alone(), pytest.raises(GitError, match="mirror_locked"), Mirror(mirror.folder).alone():
        pass
    with mirror.alone():
        mirror.fetch(Access(origin.url), strict=False)


def test_a_mirror_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GitError, match="mirror_unwritable"):
        Mirror(tmp_path / "file" / "x.git").make()
    mirror = Mirror(tmp_path / "x.git")
    mirror.make()
    mirror.folder.with_suffix(".lock").mkdir()
    with pytest.raises(GitError, match="mirror_unwritable"), mirror.alone():
        pass


@pytest.mark.parametrize(
    ("said", "code"),
    [("ssh: Could not resolve hostname nowhere: Name or service not known", "git_no_name"),
     ("ssh: connect to host x port 22: Connection refused", "git_unreachable"),
     ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", "git_needs_login"),
     ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", "git_not_found"),
     ("fatal: unable to access 'https://x/': SSL certificate problem: unable to get local issuer certificate", "git_certificate"),
     ("fatal: write error: No space left on device", "mirror_full"), ("something new", "git_failed"), ("", "git_failed")],
)  # fmt: skip
def test_what_git_says_has_a_name(said: str, code: str) -> None:
    assert problem_of(said).code == code


# -- ssh, for real ---------------------------------------------------------------------------------------------------------


@needs_sshd
def test_the_deploy_key_and_the_pinned_host_open_the_door_and_nothing_else_does(
    origin: Origin, sshd: Sshd
) -> None:
    private, public = make_pair("toban-test")
    line, url = host_key_of("127.0.0.1", sshd.port), ssh_url(origin, sshd)
    with pytest.raises(GitError, match="git_key_refused"):
        remote_heads(Access(url, private, line))
    sshd.let_in(public)
    assert remote_heads(Access(url, private, line)) == {"refs/heads/main": origin.commits[-1]}
    assert fingerprint_of(line).startswith("SHA256:")
    with pytest.raises(GitError, match="git_host_key_changed"):
        remote_heads(Access(url, private, ""))
    sshd.change_host_key()
    with pytest.raises(GitError, match="git_host_key_changed"):
        remote_heads(Access(url, private, line))


@needs_sshd
def test_a_changed_host_key_stops_it_until_two_people_said_otherwise(yard: Yard, sshd: Sshd) -> None:
    yard.draft(ssh_url(yard.origin, sshd))
    sshd.let_in(public_key(yard))
    assert "failed" not in yard.look().values()
    yard.shop.confirm(yard.enter())
    yard.serve()
    before = yard.row().host_key
    sshd.change_host_key()
    commit = yard.origin.push("refs #1")
    run = yard.serve(minutes=6)
    assert run is not None
    assert yard.row().problem == "git_host_key_changed"
    assert yard.row().heads != {"refs/heads/main": commit}
    assert yard.look()["host_key_differs"] == "failed"
    assert yard.row().host_key == before  # seeing is not believing
    entered = registering.enter_repin(
        yard.row().id, actor=yard.shop.actor(Role.ADMINISTRATOR), now=yard.shop.clock(), reason=REASON
    )
    yard.shop.confirm(entered)
    after = yard.serve()
    assert after is not None
    assert after.state == RunState.DONE
    assert yard.row().heads == {"refs/heads/main": commit}
    assert yard.row().problem == ""


@needs_sshd
def test_the_next_deploy_key_is_taken_as_soon_as_it_is_let_in(yard: Yard, sshd: Sshd) -> None:
    yard.draft(ssh_url(yard.origin, sshd))
    old = public_key(yard)
    sshd.let_in(old)
    yard.look()
    yard.shop.confirm(yard.enter())
    yard.serve()
    repository_keys.exchange_deploy_key(
        yard.row().id, actor=yard.shop.actor(Role.ADMINISTRATOR), now=yard.shop.clock()
    )
    new = public_key(yard, Place.OTHER)
    assert new.split()[1] != old.split()[1]
    yard.serve(minutes=6)  # not added at GitHub yet: the old one still works
    assert (yard.row().problem, public_key(yard)) == ("", old)
    sshd.let_in(old, new)
    yard.serve(minutes=6)
    assert public_key(yard) == new
    sshd.let_in(new)
    yard.serve(minutes=6)
    assert yard.row().problem == ""
    assert len(yard.shop.events("repository.key_taken")) == 1


@needs_sshd
def test_a_key_that_is_refused_has_its_own_words(yard: Yard, sshd: Sshd) -> None:
    yard.draft(ssh_url(yard.origin, sshd))
    assert yard.look()["git_key_refused"] == "failed"


def public_key(yard: Yard, place: Place = Place.CURRENT) -> str:
    with tenant_scope(yard.shop.tenant_id):
        return str(yard.row().secrets.get(use="deploy", place=place).public)


def test_a_long_history_is_read_in_pages_from_both_ends(tmp_path: Path) -> None:
    """Thirty megabytes of messages are more than one command may say."""
    mirror = Mirror(tmp_path / "long.git")
    mirror.make()
    feed = "".join(
        f"commit refs/heads/main\ncommitter a <a@example.net> {1_700_000_000 + number} +0000\ndata <<END\n{number:04}{'x' * 10_000}\nEND\n\n"
        for number in range(3000)
    )  # fmt: skip
    subprocess.run(
        ["git", "-C", str(mirror.folder), "fast-import", "--quiet"], input=feed.encode(), check=True
    )
    heads = [*mirror.heads().values()]
    assert mirror.count(heads) == 3000
    assert [one.message[:4] for one in mirror.newest(heads, limit=2)] == ["2998", "2999"]
    assert [one.message[:4] for one in mirror.oldest(heads, limit=2, skip=0)] == ["0000", "0001"]
    assert [one.message[:4] for one in mirror.oldest(heads, limit=200, skip=2998)] == ["2998", "2999"]
    assert mirror.oldest(heads, limit=200, skip=3000) == []
    assert (mirror.newest([], limit=5), mirror.count(heads, but=heads)) == ([], 0)


def test_what_a_git_server_says_can_be_kept_whatever_letters_it_has() -> None:
    assert problem_of("remote: a\0b\x1b[31m\ud800c\n").detail == "remote: a b [31m c"


def test_one_endless_message_stops_nobody(tmp_path: Path) -> None:
    """Be it long, or of letters that have no width and so no column."""
    mirror = Mirror(tmp_path / "long.git")
    mirror.make()
    messages = [
        "first #1",
        f"{'long ' * 1999}  #123{' long' * 5_000_000}",
        "refs #7 " + "\u200b" * 8_000_000,
        "最後 #3\n\nrefs #4..",
    ]
    feed = b"".join(
        f"commit refs/heads/main\ncommitter a <a@example.net> {1_700_000_000 + number} +0000\ndata {len(one.encode())}\n{one}\n".encode()
        for number, one in enumerate(messages)
    )  # fmt: skip
    subprocess.run(["git", "-C", str(mirror.folder), "fast-import", "--quiet"], input=feed, check=True)
    first, long, narrow, last = (one.message for one in mirror.newest([*mirror.heads().values()], limit=500))
    assert (first, narrow, last) == (messages[0], "refs #7", messages[3])
    assert messages[1].startswith(long)
    assert not long.endswith("#1")  # the cut goes through the number: a part of it is another ticket's
