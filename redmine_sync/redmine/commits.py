"""Commits at a Redmine: its service for repositories (/sys, with a key of its own) and the few REST calls that prove links.

That /sys/fetch_changesets answers 200 proves nothing: a mirror that is missing, or whose history it cannot go on from, is
read as empty. So each read is followed by questions about the commits themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import requests

from redmine_sync.domain.problems import (
    Broken,
    Busy,
    Forbidden,
    Invalid,
    KeyRefused,
    Missing,
    NotRedmine,
    RedmineError,
    ServiceKeyRefused,
)
from redmine_sync.redmine.session import Session, read_json, refuse_page, shaped

#: A thousand new commits take Redmine half a minute to read, in silence. A worker holds a repository no longer than this: what
#: Redmine reads on afterwards is found read by the next attempt.
READING_S = 50.0


@dataclass(frozen=True, slots=True)
class Served:
    """A project that has repositories switched on, and the first of them: its id there and where its files lie."""

    id: int
    identifier: str
    repository_id: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Linked:
    """The project of an issue, and the commits that stand at it."""

    project_id: int
    commits: frozenset[str]


class Commits(Protocol):
    """What Toban asks about commits; the fake of the tests has the same signatures."""

    def served(self) -> Sequence[Served]: ...
    def attach(self, project: str, path: str, identifier: str) -> None: ...
    def read_new(self, project: str) -> None: ...
    def knows(self, project: str, repository: str, commit: str) -> bool: ...
    def link(self, project: str, repository: str, commit: str, issue: int) -> bool: ...
    def linked(self, issue: int) -> Linked | None: ...


class RedmineCommits:
    """One server, one API key and the service key. `repository`: its identifier there, or its number."""

    def __init__(self, url: str, api_key: str, service_key: str) -> None:
        self._url, self._api_key, self._service_key = url, api_key, service_key

    def served(self) -> Sequence[Served]:
        """Projects with repositories switched on. Raises ServiceKeyRefused."""
        said = self._json(self._sys("get", "projects.json"))
        return shaped(lambda: [_served(one) for one in said])

    def attach(self, project: str, path: str, identifier: str) -> None:
        """Make the mirror a project's first repository. Raises Invalid where it has one already."""
        form = {"vendor": "Git", "repository[url]": path, "repository[identifier]": identifier}
        self._sys("post", f"projects/{quote(project, safe='')}/repository.json", form)

    def read_new(self, project: str) -> None:
        """Have Redmine read what is new in a project's repositories; that it did so is for `knows` to prove."""
        self._sys("post", "fetch_changesets", {"id": project}, deadline_s=READING_S)

    def knows(self, project: str, repository: str, commit: str) -> bool:
        """Whether Redmine has read a commit: linking it to no issue is refused where it knows it, and not found else."""
        try:
            self._relate(project, repository, commit, 0)
        except Invalid:
            return True
        except Missing:
            return False
        return True

    def link(self, project: str, repository: str, commit: str, issue: int) -> bool:
        """Link a commit that Redmine knows; False where it already is, or may not be. Raises Missing."""
        try:
            self._relate(project, repository, commit, issue)
        except Invalid:
            return False
        return True

    def linked(self, issue: int) -> Linked | None:
        """The commits of an issue; None where there is no such issue, or it is not to be seen."""
        try:
            said = self._json(self._rest("get", f"issues/{issue}.json?include=changesets"))
        except (Missing, Forbidden):
            return None
        return shaped(
            lambda: Linked(
                int(said["issue"]["project"]["id"]),
                frozenset(str(one["revision"]) for one in said["issue"].get("changesets") or []),
            )
        )

    def _relate(self, project: str, repository: str, commit: str, issue: int) -> None:
        path = "/".join(
            quote(part, safe="") for part in (project, "repository", repository, "revisions", commit)
        )
        self._rest("post", f"projects/{path}/issues.json", {"issue_id": issue})

    def _rest(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        headers = {"X-Redmine-API-Key": self._api_key, "Accept": "application/json"}
        answer = Session().request(method, f"{self._url}/{path}", headers=headers, json=body)
        refuse_page(answer)
        return _good(answer, {401: KeyRefused, 403: Forbidden})

    def _sys(
        self, method: str, path: str, form: Mapping[str, str] | None = None, *, deadline_s: float = 30.0
    ) -> requests.Response:
        """The service takes its key as a parameter: in the body where it lets us, because addresses stand in logs."""
        key = {"key": self._service_key}
        sent: dict[str, Any] = {"params": key} if method == "get" else {"data": {**(form or {}), **key}}
        answer = Session(deadline_s).request(method, f"{self._url}/sys/{path}", **sent)
        return _good(answer, {403: ServiceKeyRefused, 409: Invalid})

    @staticmethod
    def _json(answer: requests.Response) -> Any:
        return read_json(answer)


_ERRORS: Mapping[int, type[RedmineError]] = {
    404: Missing, 500: Broken, 429: Busy, 502: Busy, 503: Busy, 504: Busy,
}  # fmt: skip


def _good(answer: requests.Response, refusals: Mapping[int, type[RedmineError]]) -> requests.Response:
    status = answer.status_code
    if status in (200, 201, 204):
        return answer
    known = {**_ERRORS, **refusals}.get(status)
    if known is not None:
        raise known(str(status))
    raise Invalid(str(status)) if 400 <= status < 500 else NotRedmine(f"HTTP {status}")


def _served(said: Mapping[str, Any]) -> Served:
    first = said.get("repository") or {}
    return Served(
        int(said["id"]),
        str(said["identifier"]),
        int(first["id"]) if "id" in first else None,
        str(first.get("url") or ""),
    )
