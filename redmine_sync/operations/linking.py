"""The proof that commits stand at their tickets, link by link; what is missing is set, and Redmine's keyword rule is learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from redmine_sync.domain.mentions import Rule, learn_rule, read_hints, read_mentions, without_pulls
from redmine_sync.domain.problems import Missing
from redmine_sync.git import Commit
from redmine_sync.redmine import Commits, Linked

#: So many questions are asked in one visit: whoever pushes must not decide how long a worker is kept, and Redmine busy.
ASKED_MAX = 500


@dataclass(slots=True)
class Proof:
    """`linked`: links that stand, those that were `repaired` among them; `unread`: commits that Redmine does not know; `done`:
    how many of the commits were looked at."""

    done: int = 0
    linked: int = 0
    repaired: int = 0
    unread: int = 0
    rule: Rule = Rule.UNKNOWN
    rule_proof: str = ""
    hints: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Prover:
    """Looks at each ticket once. `project` is its number in Redmine: tickets of other projects are none of ours. `heard`:
    words after which a ticket was linked, though they are none of Redmine's as it comes. `left`: so many questions more are
    asked, but that a commit is looked at to its end."""

    redmine: Commits
    identifier: str
    repository: str
    project: int
    rule: Rule
    ours: Callable[[], None]
    left: int = ASKED_MAX
    seen: dict[int, Linked | None] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    def prove(self, commits: Sequence[Commit], *, backfill: bool = False) -> Proof:
        """Compare what messages name with what stands at the tickets, and link what is missing.

        Those for which no question is left are for another visit. `backfill`: also where Redmine read the commit before it had its rule; numbers of pull requests are left out then.
        Raises RedmineError.
        """
        proof = Proof(rule=self.rule)
        for commit in commits:
            if self.left <= 0:
                break
            message = without_pulls(commit.message) if backfill else commit.message
            proof.hints += read_hints(commit.message)
            self._prove(commit, message, proof, backfill=backfill)
            proof.done += 1
        return proof

    def _prove(self, commit: Commit, message: str, proof: Proof, *, backfill: bool) -> None:
        mentions = read_mentions(message)
        stands = {
            issue: commit.id in found.commits
            for issue in sorted(mentions.worded | mentions.bare.keys())
            if (found := self._look(issue)) is not None and found.project_id == self.project
        }
        if not backfill:
            bare: dict[str, bool] = {}
            for one, before in mentions.bare.items():
                if one in stands:
                    bare[before] = bare.get(before, False) or stands[one]
            self.heard |= {before for before, linked in bare.items() if linked}
            rule = learn_rule(
                proof.rule, (stands[one] for one in mentions.worded if one in stands), bare, self.heard
            )
            if rule != proof.rule:
                proof.rule, proof.rule_proof = rule, commit.id
        for issue in sorted(mentions.wanted(proof.rule)):
            if issue in stands and not stands[issue]:
                stands[issue] = self._link(commit, issue, proof)
        proof.linked += sum(stands.values())

    def _link(self, commit: Commit, issue: int, proof: Proof) -> bool:
        self._ask()
        try:
            done = self.redmine.link(self.identifier, self.repository, commit.id, issue)
        except Missing:
            proof.unread += 1
            return False
        proof.repaired += done
        return done

    def _look(self, issue: int) -> Linked | None:
        if issue not in self.seen:
            self._ask()
            self.seen[issue] = self.redmine.linked(issue)
        return self.seen[issue]

    def _ask(self) -> None:
        self.ours()
        self.left -= 1
