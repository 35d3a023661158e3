"""The part of the simulated Redmine that reads git: the service /sys with a key of its own, and commits at tickets.

Its habits are those of the real one: a mirror that is missing or does not hold what was read last is read as nothing, with 200;
commits link to tickets that are there when they are read, and never later; a link to no ticket tells whether a commit is known.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

SERVICE_KEY = "simulated-service-key"
_LINKS = re.compile(r"(?:^|[\s(\[,-])((?:(?:refs|fixes)[\s:]+)?)(#\d+)")


@dataclass
class SimulatedRepository:
    id: int
    identifier: str
    path: str
    heads: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)


@dataclass
class SimulatedCommits:
    """`any_word`: the keyword "*" is set. `links`: commits by ticket. `switched_on`: the project has repositories."""

    any_word: bool = True
    switched_on: bool = True
    forgets_links: bool = False
    busy: int = 0
    reads: int = 0
    repositories: list[SimulatedRepository] = field(default_factory=list)
    links: dict[int, set[str]] = field(default_factory=dict)

    def service(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if form.get("key") != SERVICE_KEY:
            return 403, None
        if path == "/sys/projects.json":
            first = self.repositories[0] if self.repositories else None
            shown = {"id": 1, "identifier": "portal-demo", "name": "portal-demo", "status": 1}
            if first:
                shown["repository"] = {"id": first.id, "url": first.path}
            return 200, [shown] if self.switched_on else []
        if path == "/sys/projects/portal-demo/repository.json":
            if self.repositories:
                return 409, None
            self.add(form["repository[url]"], form["repository[identifier]"])
            return 201, {}
        if path == "/sys/fetch_changesets":
            return self._fetch(form.get("id", ""))
        return 404, None

    def add(self, path: str, identifier: str) -> None:
        self.repositories.append(SimulatedRepository(len(self.repositories) + 1, identifier, path))

    def _fetch(self, project: str) -> tuple[int, Any]:
        if project != "portal-demo":
            return 404, None
        if self.busy:
            self.busy -= 1
            return 500, None
        self.reads += 1
        for one in self.repositories:
            self._read(one)
        return 200, None

    def _read(self, one: SimulatedRepository) -> None:
        heads = _git(one.path, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads")
        if heads is None:
            return
        now = {ref: commit for commit, _, ref in (line.partition(" ") for line in heads.splitlines())}
        log = (
            _git(one.path, "log", "-z", "--format=%H%n%B", *now.values(), "--not", *one.heads.values())
            if now
            else ""
        )
        if log is None:
            return
        one.heads = now
        for page in filter(str.strip, log.split("\0")):
            commit, _, message = page.partition("\n")
            one.known.add(commit)
            for word, number in _LINKS.findall(message):
                if (word or self.any_word) and not self.forgets_links:
                    self.links.setdefault(int(number[1:]), set()).add(commit)

    def relate(self, name: str, commit: str, issue: int, *, there: bool) -> tuple[int, Any]:
        found = [one for one in self.repositories if name in (one.identifier, str(one.id))]
        if not found or commit not in found[0].known:
            return 404, None
        if not there or commit in self.links.get(issue, set()):
            return 422, {"errors": ["Issue is invalid"]}
        self.links.setdefault(issue, set()).add(commit)
        return 204, None


def _git(path: str, *command: str) -> str | None:
    """None where git fails: Redmine writes that into its log and tells nobody."""
    done = subprocess.run(["git", f"--git-dir={path}", *command], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
