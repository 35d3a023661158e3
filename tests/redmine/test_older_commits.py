"""Commits from before the keyword was set: linked afterwards, page by page, while new ones go their way."""

from __future__ import annotations

from accounts.domain.permissions import Role
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RunState, SyncRun
from redmine_sync.operations import registering
from tests.redmine.planted import issues
from tests.redmine.yard import Yard


def test_older_commits_are_linked_when_the_rule_was_widened_later(yard: Yard) -> None:
    issues(yard, 5)
    yard.fake.commits.any_word = False
    yard.register()
    old = yard.origin.push("an old one #1")
    yard.origin.push("Merge pull request #5 from x/y")
    yard.serve()
    assert yard.links == {}
    yard.fake.commits.any_word = True
    yard.origin.push("#2 is a new one")
    yard.serve(minutes=6)
    assert yard.row().rule == "any"
    assert yard.id is not None
    registering.ask_fetch(
        yard.id,
        actor=yard.shop.actor(Role.ADMINISTRATOR),
        now=yard.shop.clock.pass_(seconds=1),
        backfill=True,
    )
    run = yard.serve()
    assert run is not None
    assert (run.backfill, run.state, run.done, run.total, run.repaired) == (True, RunState.DONE, 4, 4, 1)
    assert yard.links[1] == {old}
    assert 5 not in yard.links  # the number of a pull request


def test_linking_older_commits_goes_on_where_it_failed(yard: Yard) -> None:
    issues(yard)
    yard.fake.commits.any_word = False
    yard.register()
    yard.origin.push(*(f"old {n} #1" for n in range(4)))
    yard.serve()
    row = yard.row()
    actor = yard.shop.actor(Role.ADMINISTRATOR)
    registering.ask_fetch(row.id, actor=actor, now=yard.shop.clock.pass_(seconds=1), backfill=True)
    yard.fake.down = 503
    failed = yard.serve()
    assert failed is not None
    assert failed.state == RunState.FAILED
    yard.fake.down = 0
    registering.ask_fetch(row.id, actor=actor, now=yard.shop.clock.pass_(seconds=1), backfill=True)
    run = yard.serve()
    assert run is not None
    assert (run.state, run.done) == (RunState.DONE, 5)


def older(yard: Yard) -> SyncRun:
    """An administrator wants older commits linked."""
    row, actor = yard.row(), yard.shop.actor(Role.ADMINISTRATOR)
    registering.ask_fetch(row.id, actor=actor, now=yard.shop.clock.pass_(seconds=1), backfill=True)
    return [one for one in yard.runs() if one.backfill][-1]


def test_linking_older_commits_is_asked_for_once_while_it_is_under_way(yard: Yard) -> None:
    """It waits again between its pages: a second one that waits would have no place."""
    yard.register()
    yard.serve()
    begun = older(yard)
    with tenant_scope(yard.shop.tenant_id):
        SyncRun.objects.filter(id=begun.id).update(state=RunState.RUNNING)
    assert older(yard).id == begun.id


def test_whoever_pushes_does_not_decide_how_many_questions_redmine_is_asked(yard: Yard) -> None:
    """So many a visit, and the next visit goes on."""
    issues(yard, 1)
    yard.register()
    yard.serve()
    yard.fake.commits.forgets_links = True
    numbers = range(1000, 2200)
    flood = [" ".join(f"refs #{one}" for one in numbers[at : at + 100]) for at in range(0, 1200, 100)]
    commit = yard.origin.push(*flood, "refs #1")
    asked = []
    for _ in range(3):
        before = len(yard.fake.asked)
        yard.serve(minutes=6)
        asked.append(sum("/issues/" in one for one in yard.fake.asked[before:]))
    assert asked == [500, 500, 201]
    assert (yard.links[1], yard.row().unproven) == ({commit}, [])
    assert yard.row().silent == 1, "one push, however many visits"


def test_the_poll_goes_on_while_older_commits_are_linked(yard: Yard) -> None:
    yard.register()
    yard.serve()
    commit = yard.origin.push("two")
    older(yard)
    yard.serve(minutes=6)
    assert yard.row().heads == {"refs/heads/main": commit}
    assert [(one.cause, one.state) for one in yard.runs()[1:]] == [("backfill", "done"), ("poll", "done")]


def test_a_failed_fetch_leaves_older_commits_to_the_next_visit(yard: Yard) -> None:
    yard.register()
    yard.serve()
    begun = older(yard)
    moved = yard.origin.bare.rename(yard.origin.bare.with_name("away.git"))
    yard.serve(minutes=6)
    assert yard.row().problem != ""
    moved.rename(yard.origin.bare)
    yard.serve()
    (run,) = [one for one in yard.runs() if one.backfill]
    assert (run.id, run.state, run.code) == (begun.id, RunState.DONE, "")
