"""Tickets at a Redmine: python-redmine over an engine of our own, ten calls.

What python-redmine leaves open is closed by `session`: every call has a deadline, a redirect is never followed (the API
key would go along), an answer is read up to a bound, nothing is taken from error texts (they are in the server's
language), and times become aware.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

from redminelib import Redmine

from redmine_sync.domain.issues import Changed, Issue, Journal, Me, NewIssue, Project, Status
from redmine_sync.domain.problems import FilterBroken, Forbidden, KeyNotKept, NoAnswer, NotRedmine
from redmine_sync.redmine.session import BIG_MAX, Engine, shaped, whole

PAGE = 100
PROJECTS_MAX = 500
#: Times outside of these are nobody's, and some cannot be reckoned with.
YEARS = (1970, 2200)


class Tickets(Protocol):
    """What Toban asks of a ticket system; the fake of the tests has the same signatures."""

    def me(self) -> Me: ...
    def statuses(self) -> list[Status]: ...
    def projects(self) -> list[Project]: ...
    def fields(self) -> dict[str, int]: ...
    def rights(self) -> dict[int, frozenset[str]]: ...
    def key_is_filtered(self, field: int, random_key: str) -> bool | None: ...
    def find(self, field: int, key: str) -> list[Issue]: ...
    def read(self, issue_id: int, field: int) -> Issue: ...
    def create(self, new: NewIssue, field: int) -> Issue: ...
    def update(self, issue_id: int, *, notes: str, status_id: int | None = None) -> None: ...
    def changed(self, field: int, since: datetime, *, offset: int) -> Changed: ...
    def among(self, field: int, issue_ids: Sequence[int]) -> list[Issue]: ...


class RedmineTickets:
    """One server, one API key. With `patience_s`, nothing is read any more so many seconds from now on."""

    def __init__(self, url: str, key: str, *, patience_s: float = math.inf) -> None:
        self._redmine = Redmine(url, key=key, engine=Engine)
        self._url = url
        self._until = time.monotonic() + patience_s

    def me(self) -> Me:
        user = self._get("users/current.json")
        return shaped(
            lambda: Me(
                whole(user["user"]["id"]), str(user["user"].get("login", "")), bool(user["user"].get("admin"))
            )
        )

    def statuses(self) -> list[Status]:
        said = self._get("issue_statuses.json")
        return shaped(
            lambda: [
                Status(whole(s["id"]), str(s["name"]), bool(s.get("is_closed")))
                for s in said["issue_statuses"]
            ]
        )

    def projects(self) -> list[Project]:
        """At most 500 of those that Toban's user sees, by name."""
        found: list[Project] = []
        while len(found) < PROJECTS_MAX:
            query = {
                "include": "trackers,enabled_modules,issue_custom_fields",
                "limit": PAGE,
                "offset": len(found),
            }
            said = self._get("projects.json", query)
            page = shaped(lambda said=said: [_project(one) for one in said["projects"]])  # type: ignore[misc]
            found += page
            if not page or len(found) >= shaped(lambda said=said: whole(said["total_count"])):  # type: ignore[misc]
                break
        return found

    def fields(self) -> dict[str, int]:
        """Custom fields of issues by name, as far as they can be seen: a project names those alone that were chosen for it,
        never those that are for all projects. An administrator sees all, others those of the newest issue."""
        try:
            said = self._get("custom_fields.json")
            found = shaped(
                lambda: [one for one in said["custom_fields"] if one.get("customized_type") == "issue"]
            )
        except Forbidden:
            said = self._get("issues.json", {"status_id": "*", "limit": 1, "sort": "id:desc"})
            found = shaped(
                lambda: [one for issue in said["issues"] for one in issue.get("custom_fields") or []]
            )
        return shaped(lambda: {str(one["name"]): whole(one["id"]) for one in found})

    def rights(self) -> dict[int, frozenset[str]]:
        """What the roles of Toban's user allow, by project id; an administrator has none and needs none."""
        said = self._get("users/current.json", {"include": "memberships"})
        roles = shaped(
            lambda: {
                whole(one["project"]["id"]): {whole(role["id"]) for role in one["roles"]}
                for one in said["user"].get("memberships") or []
            }
        )
        allowed = {role: self._allowed(role) for role in sorted(set().union(*roles.values()))}
        return {
            project: frozenset().union(*(allowed[role] for role in ids)) for project, ids in roles.items()
        }

    def _allowed(self, role: int) -> frozenset[str]:
        said = self._get(f"roles/{role}.json")
        return shaped(lambda: frozenset(str(one) for one in said["role"].get("permissions") or []))

    def key_is_filtered(self, field: int, random_key: str) -> bool | None:
        """Whether asking for a key that nobody has gives nothing; None where there is no issue to tell by."""
        if self._count({}) == 0:
            return None
        return self._count({f"cf_{field}": random_key}) == 0

    def _count(self, query: Mapping[str, Any]) -> int:
        said = self._get("issues.json", {"status_id": "*", "limit": 1, **query})
        return shaped(lambda: whole(said["total_count"]))

    def find(self, field: int, key: str) -> list[Issue]:
        """Issues that carry exactly this key, oldest first. Raises FilterBroken where the server gives others."""
        query = {"status_id": "*", f"cf_{field}": key, "sort": "id", "limit": PAGE}
        said = self._get("issues.json", query)
        found = shaped(lambda: [_issue(one, field) for one in said["issues"]])
        if any(issue.key != key for issue in found):
            raise FilterBroken(f"cf_{field}")
        return found

    def read(self, issue_id: int, field: int) -> Issue:
        """One issue with its journals. Raises Missing."""
        said = self._get(f"issues/{issue_id}.json", {"include": "journals"})
        return shaped(lambda: _issue(said["issue"], field))

    def create(self, new: NewIssue, field: int) -> Issue:
        """Raises KeyNotKept where the issue does not hold its key afterwards."""
        made = shaped(
            lambda: self._redmine.issue.create(
                project_id=new.project_id, tracker_id=new.tracker_id, subject=new.subject, description=new.description,
                custom_fields=[{"id": field, "value": new.key}],
            )
        )  # fmt: skip
        issue = shaped(lambda: _issue(dict(made), field))
        if issue.key != new.key:
            raise KeyNotKept(f"#{issue.id}")
        return issue

    def update(self, issue_id: int, *, notes: str, status_id: int | None = None) -> None:
        """A note, and with a status the move to it; whether the server moved it must be read back."""
        change: dict[str, Any] = {"notes": notes} | ({} if status_id is None else {"status_id": status_id})
        shaped(lambda: self._redmine.issue.update(issue_id, **change))

    def changed(self, field: int, since: datetime, *, offset: int) -> Changed:
        """Issues with any key that changed since (the server's own second), oldest first, 100 at a time."""
        query = {
            "status_id": "*", f"cf_{field}": "*", "updated_on": f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "sort": "updated_on:asc,id:asc", "limit": PAGE, "offset": offset,
        }  # fmt: skip
        said = self._get("issues.json", query)
        return shaped(
            lambda: Changed([_issue(one, field) for one in said["issues"]], whole(said["total_count"]))
        )

    def among(self, field: int, issue_ids: Sequence[int]) -> list[Issue]:
        """Those of at most 100 issues that exist and are seen."""
        query = {"status_id": "*", "issue_id": ",".join(map(str, issue_ids)), "limit": PAGE, "sort": "id"}
        said = self._get("issues.json", query)
        return shaped(lambda: [_issue(one, field) for one in said["issues"]])

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        if time.monotonic() > self._until:
            raise NoAnswer("deadline")
        said = self._redmine.engine.request("get", f"{self._url}/{path}", params=dict(query or {}))
        if not isinstance(said, dict):
            raise NotRedmine(path)
        return said


def _project(said: Mapping[str, Any]) -> Project:
    modules = {str(one["name"]) for one in said.get("enabled_modules") or []}
    return Project(
        id=whole(said["id"]),
        identifier=str(said["identifier"]),
        name=str(said["name"]),
        open=whole(said.get("status", 1)) == 1,
        issues="issue_tracking" in modules,
        fields={str(one["name"]): whole(one["id"]) for one in said.get("issue_custom_fields") or []},
        trackers={whole(one["id"]): str(one["name"]) for one in said.get("trackers") or []},
        tells_fields="issue_custom_fields" in said,
    )


def _issue(said: Mapping[str, Any], field: int) -> Issue:
    values = {whole(one["id"]): one.get("value") for one in said.get("custom_fields") or []}
    closed = said.get("closed_on")
    return Issue(
        id=whole(said["id"]),
        project_id=whole(said["project"]["id"]),
        status_id=whole(said["status"]["id"]),
        status=str(said["status"]["name"]),
        subject=str(said.get("subject") or ""),
        description=str(said.get("description") or ""),
        author_id=whole((said.get("author") or {}).get("id") or 0),
        updated_on=_instant(said["updated_on"]),
        closed_on=_instant(closed) if closed else None,
        key=str(values.get(field) or ""),
        # The newest come first where Toban's user prefers it so.
        journals=tuple(sorted(map(_journal, said.get("journals") or []), key=lambda one: one.id)),
    )


def _journal(said: Mapping[str, Any]) -> Journal:
    moved = [
        one
        for one in said.get("details") or []
        if one.get("property") == "attr" and one["name"] == "status_id"
    ]
    user = said.get("user") or {}
    return Journal(
        id=whole(said["id"], BIG_MAX),
        author_id=whole(user.get("id") or 0),
        author=str(user.get("name") or ""),
        notes=str(said.get("notes") or ""),
        at=_instant(said["created_on"]),
        status=whole(moved[-1]["new_value"]) if moved else None,
    )


def _instant(said: object) -> datetime:
    """Redmine's UTC, aware; of a year with which one can reckon."""
    if isinstance(said, date) and not isinstance(said, datetime):
        raise ValueError("a date is no instant")
    if not isinstance(said, datetime):
        said = datetime.strptime(str(said), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if not YEARS[0] <= said.year <= YEARS[1]:
        raise ValueError("no time of any issue")
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said
