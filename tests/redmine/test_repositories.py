"""From a push to the ticket: registered by two people, fetched by real git, read and proven; and what goes wrong on the way."""

from __future__ import annotations

import shutil

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import Cause, RepositoryState, RunState
from redmine_sync.operations import connecting, registering
from tests.redmine.origin import git
from tests.redmine.planted import issues
from tests.redmine.shop import REASON
from tests.redmine.yard import Yard


def steps(run: object) -> dict[str, str]:
    return {one["step"]: one["code"] for one in run.steps}  # type: ignore[attr-defined]


# -- registering -----------------------------------------------------------------------------------------------------------


def test_a_repository_is_looked_at_registered_by_two_people_and_fetched(yard: Yard) -> None:
    yard.draft()
    found = yard.look()
    assert "failed" not in found.values(), found
    yard.shop.confirm(yard.enter())
    assert yard.row().state == RepositoryState.ACTIVE
    run = yard.serve()
    assert run is not None
    assert (run.state, run.cause) == (RunState.DONE, Cause.START)
    assert steps(run) == {
        "remote": "", "mirror": "mirror_made", "fetch": "", "attach": "redmine_attached", "read": "", "proof": "", "links": "",
    }  # fmt: skip
    assert yard.row().heads == {"refs/heads/main": yard.origin.commits[-1]}
    assert yard.fake.commits.repositories[0].path == str(yard.mirror.folder)


def test_the_mirror_is_readable_for_the_group_and_for_nobody_else(yard: Yard) -> None:
    yard.register()
    yard.serve()
    modes = {path.stat().st_mode & 0o777 for path in (yard.mirror.folder, yard.mirror.folder / "HEAD")}
    assert all(mode & 0o040 and not mode & 0o007 for mode in modes)


def test_who_may_not_register_cannot(yard: Yard) -> None:
    with pytest.raises(NotPermitted):
        registering.save_draft(
            yard.origin.url,
            "",
            1,
            "",
            strict=False,
            actor=yard.shop.actor(Role.OPERATOR),
            now=yard.shop.clock(),
        )


def test_a_draft_that_was_not_looked_at_cannot_be_registered(yard: Yard) -> None:
    yard.draft()
    with pytest.raises(Refused, match="repository_not_ready"):
        yard.enter()


def test_a_draft_looked_at_otherwise_since_it_was_shown_is_not_registered(yard: Yard) -> None:
    yard.draft()
    yard.look()
    entered = yard.enter()
    with tenant_scope(yard.shop.tenant_id):
        type(yard.row()).objects.filter(id=yard.id).update(
            report={"checks": [], "host_key": "[x]:1 ssh-ed25519 AAAA"}
        )
    with pytest.raises(StaleContent):
        yard.shop.confirm(entered)


@pytest.mark.parametrize(("service_key", "code"), [("wrong", "redmine_service_key_refused")])
def test_a_wrong_service_key_is_named(yard: Yard, service_key: str, code: str) -> None:
    yard.draft(service_key=service_key)
    assert yard.look()[code] == "failed"


def test_secrets_stand_nowhere_readable(yard: Yard) -> None:
    yard.register()
    with tenant_scope(yard.shop.tenant_id):
        assert all(yard.secret not in one.sealed for one in yard.row().secrets.all())
    assert [one for one in yard.shop.events("") if yard.secret in str(one) or "service-key" in str(one)] == []


# -- a push ----------------------------------------------------------------------------------------------------------------


def test_a_push_reaches_its_ticket_and_the_link_is_proven(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.serve()
    commit = yard.origin.push("Fix the door. refs #1")
    assert yard.deliver(yard.push_of(commit)) == "accepted"
    run = yard.serve()
    assert run is not None
    assert (run.state, run.cause, run.linked, run.repaired) == (RunState.DONE, Cause.WEBHOOK, 1, 0)
    assert yard.links == {1: {commit}}
    assert yard.deliveries()[0].run_id == run.id


def test_a_link_that_redmine_left_out_is_set(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.serve()
    yard.fake.commits.forgets_links = True
    commit = yard.origin.push("refs #2")
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.code, run.repaired) == ("links_repaired", 1)
    assert yard.links == {2: {commit}}


def test_redmine_that_reads_nothing_and_says_200_is_found_out(yard: Yard) -> None:
    yard.register()
    yard.serve()
    yard.fake.commits.repositories[0].path = "/nowhere"
    yard.origin.push("refs #1")
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "redmine_other_repository")
    yard.fake.commits.repositories[0].path = str(yard.mirror.folder)
    yard.fake.commits.repositories[0].heads["refs/heads/main"] = "0" * 39 + "1"
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "redmine_read_nothing")


def test_redmine_away_is_tried_again_until_the_commit_is_there(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.serve()
    commit = yard.origin.push("refs #1")
    yard.deliver(yard.push_of(commit))
    yard.fake.down = 503
    run = yard.serve()
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "redmine_busy")
    assert yard.serve(minutes=0.5) == run  # not yet
    yard.fake.down = 0
    after = yard.serve(minutes=1)
    assert after is not None
    assert (after.state, after.cause) == (RunState.DONE, Cause.POLL)
    assert yard.links == {1: {commit}}
    assert yard.row().silent == 0  # the webhook came; it is Redmine that was away


# -- the poll --------------------------------------------------------------------------------------------------------------


def test_the_poll_finds_what_the_webhook_did_not_tell_and_counts_it(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.serve()
    commit = yard.origin.push("refs #1")
    assert yard.serve(minutes=2) == yard.runs()[0]  # five minutes have not passed
    run = yard.serve(minutes=3)
    assert run is not None
    assert (run.cause, run.state) == (Cause.POLL, RunState.DONE)
    assert (yard.row().silent, yard.links) == (1, {1: {commit}})
    yard.deliver(yard.push_of(commit))
    assert yard.row().silent == 0


def test_a_poll_without_news_leaves_nothing_behind_and_asks_redmine_nothing(yard: Yard) -> None:
    yard.register()
    yard.serve()
    asked = len(yard.fake.asked)
    for _ in range(3):
        yard.serve(minutes=6)
    assert len(yard.runs()) == 1
    assert len(yard.fake.asked) == asked
    assert yard.row().polled_at == yard.shop.clock()


def test_a_webhook_for_what_the_poll_brought_in_asks_redmine_nothing(yard: Yard) -> None:
    yard.register()
    yard.serve()
    commit = yard.origin.push("two")
    yard.serve(minutes=6)
    asked = len(yard.fake.asked)
    yard.deliver(yard.push_of(commit))
    run = yard.serve()
    assert run is not None
    assert (run.state, run.code, run.cause) == (RunState.DONE, "nothing_new", Cause.WEBHOOK)
    assert len(yard.fake.asked) == asked


def test_a_mirror_that_vanished_is_made_again_by_the_next_poll(yard: Yard) -> None:
    yard.register()
    yard.serve()
    shutil.rmtree(yard.mirror.folder)
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, steps(run)["mirror"]) == (RunState.DONE, "mirror_rebuilt")


# -- what happens to branches ----------------------------------------------------------------------------------------------


def test_a_forced_push_is_taken_and_said(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.origin.push("refs #1")
    yard.serve()
    commit = yard.origin.amend("refs #2")
    run = yard.serve(minutes=6)
    assert run is not None
    assert run.state == RunState.DONE
    assert next(one for one in run.steps if one["step"] == "fetch")["forced"] == ["main"]
    assert commit in yard.links[2]


def test_the_strict_form_refuses_a_forced_push(yard: Yard) -> None:
    yard.register(strict=True)
    yard.origin.push("one")
    yard.serve()
    yard.origin.amend("two")
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "git_forced")


def test_a_deleted_branch_goes_here_too(yard: Yard) -> None:
    yard.register()
    yard.origin.push("two", branch="side")
    yard.serve()
    yard.origin.delete("side")
    run = yard.serve(minutes=6)
    assert run is not None
    assert next(one for one in run.steps if one["step"] == "fetch")["gone"] == ["side"]
    assert set(yard.mirror.heads()) == {"refs/heads/main"}


def test_a_mirror_that_was_lost_is_made_again_with_what_redmine_remembers(yard: Yard) -> None:
    issues(yard)
    yard.register()
    yard.origin.push("refs #1")
    yard.serve()
    remembered = yard.origin.commits[-1]
    shutil.rmtree(yard.mirror.folder)
    git(yard.origin.bare, "config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub does
    commit = yard.origin.amend("refs #2")
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, steps(run)["mirror"]) == (RunState.DONE, "mirror_rebuilt")
    assert yard.mirror.has(remembered)
    assert commit in yard.links[2]


def test_a_mirror_that_is_broken_says_so(yard: Yard) -> None:
    yard.register()
    yard.serve()
    (yard.mirror.folder / "HEAD").unlink()
    yard.origin.push("two")
    run = yard.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "mirror_broken")


def test_github_away_has_its_own_words_and_the_poll_goes_on(yard: Yard) -> None:
    yard.register()
    yard.serve()
    moved = yard.origin.bare.rename(yard.origin.bare.with_name("away.git"))
    run = yard.serve(minutes=6)
    assert run is not None
    assert (yard.row().problem, yard.row().failures) == ("git_not_found", 1)
    yard.serve(minutes=2)
    yard.serve(minutes=6)
    assert [one["kind"] for one in yard.shop.events("repository.stopped")] == ["repository.stopped"]
    moved.rename(yard.origin.bare)
    yard.serve(minutes=16)
    assert (yard.row().problem, yard.row().failures) == ("", 0)
    assert len(yard.shop.events("repository.recovered")) == 1


# -- keywords and dead workers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("any_word", "rule"), [(True, "any"), (False, "words")])
def test_what_redmine_links_tells_its_keywords(yard: Yard, any_word: bool, rule: str) -> None:
    issues(yard)
    yard.fake.commits.any_word = any_word
    yard.register()
    yard.serve()
    assert yard.row().rule == ""
    yard.origin.push("#1 is touched, refs #2")
    yard.serve(minutes=6)
    assert yard.row().rule == rule
    assert (1 in yard.links, 2 in yard.links) == (any_word, True)


def test_what_a_dead_worker_left_is_taken_up(yard: Yard) -> None:
    yard.register()
    yard.serve()
    commit = yard.origin.push("two")
    yard.deliver(yard.push_of(commit))
    with tenant_scope(yard.shop.tenant_id):
        type(yard.runs()[0]).objects.filter(repository=yard.id, state=RunState.WAITING).update(
            state=RunState.RUNNING
        )
    run = yard.serve()
    assert run is not None
    assert [one.code for one in yard.runs()[1:]] == ["worker_gone", ""]
    assert yard.row().heads == {"refs/heads/main": commit}


def test_a_look_at_a_repository_whose_redmine_was_left_says_so(yard: Yard) -> None:
    yard.register()
    left = connecting.enter_leave(
        yard.shop.server().id, actor=yard.shop.actor(Role.ADMINISTRATOR), now=yard.shop.clock(), reason=REASON
    )
    yard.shop.confirm(left)
    assert yard.look() == {"redmine_not_connected": "failed"}
