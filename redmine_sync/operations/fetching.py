"""A worker's visit at a repository: look at GitHub, fetch, have Redmine read, prove it. Each step is kept with its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import F

from medical_audit import sealing
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.operations.lanes import Lease, lease_lane, release_lane
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.git_problems import GitError
from redmine_sync.domain.problems import RedmineError
from redmine_sync.git import Access, Mirror, remote_heads
from redmine_sync.models import (
    Cause,
    Place,
    RedmineServer,
    Repository,
    RepositoryState,
    RunState,
    ServerState,
    SyncRun,
)
from redmine_sync.operations.looking import look_if_asked
from redmine_sync.operations.receiving import ask
from redmine_sync.operations.registering import subject_of
from redmine_sync.operations.repository_keys import take_next_key
from redmine_sync.operations.telling_redmine import backfill_some, tell_redmine
from redmine_sync.operations.visiting import Clock, Visit
from redmine_sync.queries.repositories import access_of, commits_of, mirror_folder
from redmine_sync.redmine import Commits

EVERY = timedelta(minutes=5)
#: How long until the next attempt after one, two, three and more failures in a row.
AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
#: What a fetch finds out, and the linking of older commits after it goes by.
LEARNT = ("redmine_repository", "rule", "failures", "problem", "problem_since")
#: From this many failures in a row on people are told in the ledger.
TELL_AFTER = 3

Open = Callable[[RedmineServer], Commits]
log = structlog.get_logger(__name__)


def serve(
    tenant_id: UUID, repository_id: UUID, *, worker: str, clock: Clock, open_commits: Open = commits_of
) -> bool:
    """Do what is due at one repository; gives whether there is more. Does nothing while somebody else is at it. Never raises
    for what git or Redmine does."""
    look_if_asked(tenant_id, repository_id, worker=worker, clock=clock, open_commits=open_commits)
    with tenant_scope(tenant_id):
        row = (
            Repository.objects.filter(id=repository_id, state=RepositoryState.ACTIVE, server__state=ServerState.ACTIVE)
            .select_related("server").first()
        )  # fmt: skip
        if row is None:
            return False
    lease = lease_lane(tenant_id, row.lane, worker=worker, clock=clock)
    if lease is None:
        return False
    try:
        return _visit(row, lease, clock, open_commits)
    except LeaseLost:
        log.info("repository_lease_lost", repository=str(repository_id))
        return False
    finally:
        release_lane(lease)


def _visit(row: Repository, lease: Lease, clock: Clock, open_commits: Open) -> bool:
    actor = system_actor(row.tenant_id, "commits")
    run, backfill = _claim(row, lease, clock())
    due = run is not None or row.next_at is None or row.next_at <= clock()
    if not due and backfill is None:
        return False
    try:
        with tenant_scope(row.tenant_id):
            redmine, access, following = open_commits(row.server), access_of(row), access_of(row, Place.OTHER)
    except sealing.Unsealable:
        visit = Visit(row, lease, _no_redmine(), actor, clock, run or backfill)
        _fail(visit, "key_unsealable", "")
        _put_back(visit, backfill if run is not None else None)
        return False
    visit = Visit(row, lease, redmine, actor, clock, run)
    if due:
        try:
            _fetch(visit, access, following)
        except (GitError, RedmineError) as error:
            _fail(visit, error.code, error.detail)
            _put_back(visit, backfill)
            return False
        with tenant_scope(row.tenant_id):
            row.refresh_from_db(fields=LEARNT)
    if backfill is not None:
        visit.run, visit.steps = backfill, list(backfill.steps)
        try:
            return _backfill(visit, Mirror(mirror_folder(row), visit.ours))
        except (GitError, RedmineError) as error:
            _fail(visit, error.code, error.detail)
    return False


def _put_back(visit: Visit, backfill: SyncRun | None) -> None:
    """Older commits wait for the next visit: what is wrong with the new ones is said there."""
    if backfill is not None:
        with tenant_scope(visit.row.tenant_id):
            visit.lease.hold()
            SyncRun.objects.filter(id=backfill.id).update(state=RunState.WAITING)


def _no_redmine() -> Any:
    """Stands where no Redmine could be opened; nothing is asked of it."""
    return None


def _claim(row: Repository, lease: Lease, now: datetime) -> tuple[SyncRun | None, SyncRun | None]:
    """The run that waits and the linking of older commits that waits. What a worker left behind when it died is taken up."""
    with tenant_scope(row.tenant_id):
        lease.hold()
        Repository.objects.select_for_update().get(id=row.id)
        for left in SyncRun.objects.filter(repository=row, state=RunState.RUNNING):
            SyncRun.objects.filter(id=left.id).update(state=RunState.FAILED, code="worker_gone", ended_at=now)
            ask(row, Cause(left.cause), now=now, name=left.asked_by_name, backfill=left.backfill)
        found = {one.backfill: one for one in SyncRun.objects.filter(repository=row, state=RunState.WAITING)}
        for run in found.values():
            run.state, run.started_at = RunState.RUNNING, run.started_at or now
            run.save(update_fields=["state", "started_at"])
    return found.get(False), found.get(True)


def _fetch(visit: Visit, access: Access | None, following: Access | None) -> None:
    row = visit.row
    with visit.step("remote") as told:
        access, there = _there(visit, access, following)
        told["n"] = len(there)
    mirror, before = Mirror(mirror_folder(row), visit.ours), dict(row.heads)
    settled = there == before and not row.unproven
    if settled and not row.problem and mirror.exists() and _asks_for_news_only(visit.run):
        _rest(visit)
        return
    if visit.run is None:
        _begin_poll(visit, news=there != before)
    with visit.step("mirror") as told:
        told["code"] = _ready(mirror, bool(before))
    with mirror.alone():
        with visit.step("fetch") as told:
            mirror.fetch(access, strict=row.strict)
            told.update(_kept(mirror, access, before))
        heads = mirror.heads()
        told.update(_moved(mirror, before, heads))
        visit.keep_steps()
        done = tell_redmine(visit, mirror, before, heads)
    _finish(visit, heads, done)


def _there(visit: Visit, access: Access | None, following: Access | None) -> tuple[Access, dict[str, str]]:
    """The branches at GitHub, and by which key. The next deploy key is taken as soon as it is let in."""
    if access is None:
        raise GitError("git_key_refused")
    if following is not None:
        try:
            there = remote_heads(following, visit.ours)
        except GitError as error:
            if error.code not in ("git_key_refused", "git_not_found"):
                raise
        else:
            take_next_key(visit.row, actor=visit.actor, now=visit.clock())
            return following, there
    return access, remote_heads(access, visit.ours)


def _ready(mirror: Mirror, was_there: bool) -> str:
    """Make the mirror where there is none; says so where there had been one."""
    if mirror.exists():
        mirror.check()
        return ""
    mirror.make()
    return "mirror_rebuilt" if was_there else "mirror_made"


def _kept(mirror: Mirror, access: Access, before: dict[str, str]) -> dict[str, Any]:
    """Redmine goes on from the commits that it read last; where a mirror lost them they are fetched once more."""
    lost = sorted({one for one in before.values() if not mirror.has(one)})
    back = [one for one in lost if mirror.fetch_kept(access, one)]
    return {"lost": len(lost) - len(back)} if lost else {}


def _moved(mirror: Mirror, before: dict[str, str], heads: dict[str, str]) -> dict[str, Any]:
    """What happened to branches: names of those that are new, gone, or were pushed by force."""
    forced = [
        ref for ref, old in before.items()
        if ref in heads and heads[ref] != old and not (mirror.has(old) and mirror.goes_on_from(old, heads[ref]))
    ]  # fmt: skip
    return {
        "new": _short(set(heads) - set(before)) if before else [],
        "gone": _short(set(before) - set(heads)),
        "forced": _short(forced),
    }


def _short(refs: Sequence[str] | set[str]) -> list[str]:
    return [ref.removeprefix("refs/heads/")[:100] for ref in sorted(refs)][:20]


def _begin_poll(visit: Visit, *, news: bool) -> None:
    """A run of its own. `news`: the poll found something that no webhook told of, one push more on which it was silent."""
    now, row = visit.clock(), visit.row
    visit.run = SyncRun(
        tenant_id=row.tenant_id, repository=row, cause=Cause.POLL, state=RunState.RUNNING, asked_at=now, started_at=now,
        steps=visit.steps,
    )  # fmt: skip
    with tenant_scope(row.tenant_id):
        visit.lease.hold()
        visit.run.save(force_insert=True)
        if news and not row.problem:
            Repository.objects.filter(id=row.id).update(silent=F("silent") + 1)


def _asks_for_news_only(run: SyncRun | None) -> bool:
    """A poll, or a webhook whose push another run has brought in already; a person wants everything looked at."""
    return run is None or run.cause in (Cause.WEBHOOK, Cause.POLL)


def _rest(visit: Visit) -> None:
    """Nothing new: look again in five minutes."""
    now = visit.clock()
    with tenant_scope(visit.row.tenant_id):
        visit.lease.hold()
        if visit.run is not None:
            SyncRun.objects.filter(id=visit.run.id).update(
                state=RunState.DONE, ended_at=now, steps=visit.steps, code="nothing_new"
            )
        Repository.objects.filter(id=visit.row.id).update(polled_at=now, next_at=now + EVERY)


def _finish(visit: Visit, heads: dict[str, str], done: dict[str, Any]) -> None:
    now, row, run = visit.clock(), visit.row, visit.run
    assert run is not None
    with tenant_scope(row.tenant_id):
        visit.lease.hold()
        if row.failures >= TELL_AFTER:
            record("repository.recovered", actor=visit.actor, subject=subject_of(row), now=now)
        Repository.objects.filter(id=row.id).update(
            heads=heads, polled_at=now, synced_at=now, next_at=now + EVERY, failures=0, problem="", problem_detail="",
            problem_since=None, **done["repository"],
        )  # fmt: skip
        SyncRun.objects.filter(id=run.id).update(
            state=RunState.DONE, ended_at=now, steps=visit.steps, code=done["code"], **done["run"]
        )


def _fail(visit: Visit, code: str, detail: str) -> None:
    now, row = visit.clock(), visit.row
    failures = row.failures + 1
    with tenant_scope(row.tenant_id):
        visit.lease.hold()
        Repository.objects.filter(id=row.id).update(
            polled_at=now, next_at=now + AGAIN[min(failures, len(AGAIN)) - 1], failures=failures, problem=code,
            problem_detail=detail, problem_since=row.problem_since if row.problem == code else now,
        )  # fmt: skip
        if visit.run is not None:
            SyncRun.objects.filter(id=visit.run.id).update(
                state=RunState.FAILED, ended_at=now, steps=visit.steps, code=code, detail=detail
            )
        if failures == TELL_AFTER:
            record(
                "repository.stopped",
                actor=visit.actor,
                subject=subject_of(row),
                now=now,
                outcome="failed",
                detail={"code": code},
            )


def _backfill(visit: Visit, mirror: Mirror) -> bool:
    """Link older commits, some pages a visit; gives whether there are more."""
    run = visit.run
    assert run is not None
    with visit.step("backfill") as told, mirror.alone():
        more = backfill_some(visit, mirror, run)
        told["n"] = run.done
    now = visit.clock()
    with tenant_scope(visit.row.tenant_id):
        visit.lease.hold()
        state = RunState.WAITING if more else RunState.DONE
        SyncRun.objects.filter(id=run.id).update(
            state=state, ended_at=None if more else now, steps=visit.steps
        )
    return more
