"""Having Redmine read the mirror, and the proof that it did: its answer alone proves nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.mentions import Rule
from redmine_sync.domain.problems import Invalid, NotServed, OtherRepository, ReadNothing
from redmine_sync.git import Mirror
from redmine_sync.models import Repository, SyncRun
from redmine_sync.operations.linking import Prover
from redmine_sync.operations.visiting import Visit
from redmine_sync.queries.repositories import mirror_in_redmine, name_in_redmine
from redmine_sync.redmine import READING_S

#: How many new commits are proven link by link; of a first fetch the newest, and of those that are left for another visit.
PROVEN_MAX = 500
HEADS_MAX = 20
PAGE = 200
PAGES_A_VISIT = 5


def tell_redmine(
    visit: Visit, mirror: Mirror, before: dict[str, str], heads: dict[str, str]
) -> dict[str, Any]:
    """What to write about it, for the repository and for the run. Raises GitError, RedmineError."""
    row = visit.row
    moved = sorted({commit for ref, commit in heads.items() if before.get(ref) != commit})
    with visit.step("attach") as told:
        name, told["code"] = _attach(visit)
    with visit.step("read"):
        visit.ours(READING_S)
        visit.redmine.read_new(row.redmine_identifier)
    with visit.step("proof") as told:
        unread = [one for one in moved[:HEADS_MAX] if not _knows(visit, name, one)]
        if unread:
            other = told_other(visit)
            raise OtherRepository(mirror_in_redmine(row)) if other else ReadNothing(unread[0][:12])
        told["n"] = min(len(moved), HEADS_MAX)
    old = [one for one in before.values() if mirror.has(one)]
    with visit.step("links") as told:
        commits = mirror.count(moved, but=old)
        newest = mirror.newest(moved, but=old, limit=PROVEN_MAX)
        pending = [*mirror.messages(row.unproven), *newest][-PROVEN_MAX:]
        proof = _prover(visit, name, Rule(row.rule)).prove(pending)
        unproven = [one.id for one in pending[proof.done :]]
        told |= {"n": proof.linked, "repaired": proof.repaired, "unread": proof.unread, "left": len(unproven)}
    hints = Counter(row.hints) + proof.hints
    return {
        "repository": {
            "redmine_repository": name, "rule": proof.rule, "rule_proof": proof.rule_proof or row.rule_proof, "hints": dict(hints),
            "unproven": unproven,
        },
        "run": {"commits": commits, "linked": proof.linked, "repaired": proof.repaired},
        "code": "links_repaired" if proof.repaired else "",
    }  # fmt: skip


def backfill_some(visit: Visit, mirror: Mirror, run: SyncRun) -> bool:
    """Link some pages of older commits, oldest first, keeping the place after each; gives whether there are more."""
    row = visit.row
    heads = sorted(set(mirror.heads().values()))
    run.total = mirror.count(heads)
    prover = _prover(visit, row.redmine_repository, Rule(row.rule))
    for _ in range(PAGES_A_VISIT):
        page = mirror.oldest(heads, limit=PAGE, skip=run.done)
        proof = prover.prove(page, backfill=True)
        run.done, run.linked, run.repaired = (
            run.done + proof.done,
            run.linked + proof.linked,
            run.repaired + proof.repaired,
        )
        with tenant_scope(row.tenant_id):
            visit.lease.hold()
            run.save(update_fields=["done", "total", "linked", "repaired"])
        if proof.done < len(page):
            return True
        if len(page) < PAGE:
            return False
    return True


def told_other(visit: Visit) -> bool:
    """Whether another repository stands in the project's first place, so that ours must be added by hand."""
    visit.ours()
    mine = [one for one in visit.redmine.served() if one.id == visit.row.redmine_project]
    return bool(mine) and mine[0].path != mirror_in_redmine(visit.row)


def _attach(visit: Visit) -> tuple[str, str]:
    """How the repository is named in Redmine, made there if the project has none; and a code for what was done."""
    row, path = visit.row, mirror_in_redmine(visit.row)
    if row.redmine_repository:
        return row.redmine_repository, ""
    visit.ours()
    mine = [one for one in visit.redmine.served() if one.id == row.redmine_project]
    if not mine:
        raise NotServed(row.redmine_identifier)
    name, code = name_in_redmine(row), ""
    if mine[0].path == path:
        name = str(mine[0].repository_id)
    elif mine[0].repository_id is None:
        visit.ours()
        try:
            visit.redmine.attach(row.redmine_identifier, path, name)
            code = "redmine_attached"
        except Invalid as error:
            raise OtherRepository(path) from error
    return name, code


def _knows(visit: Visit, name: str, commit: str) -> bool:
    visit.ours()
    return visit.redmine.knows(visit.row.redmine_identifier, name, commit)


def _prover(visit: Visit, name: str, rule: Rule) -> Prover:
    row: Repository = visit.row
    return Prover(visit.redmine, row.redmine_identifier, name, row.redmine_project, rule, visit.ours)
