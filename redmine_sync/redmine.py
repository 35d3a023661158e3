"""The gateway to Redmine: python-redmine over an engine of our own, ten calls, named errors.

What python-redmine leaves open is closed here: every call has a deadline, a redirect is never followed (the API key
would go along), an answer is read up to a bound, nothing is taken from error texts (they are in the server's language),
and times become aware.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

import requests
from django.conf import settings
from redminelib import Redmine
from redminelib.engines import SyncEngine
from redminelib.exceptions import BaseRedmineError

from redmine_sync.domain.issues import Changed, Issue, Journal, Me, NewIssue, Project, Status
from redmine_sync.domain.problems import (
    Broken,
    Busy,
    FilterBroken,
    Forbidden,
    Invalid,
    KeyNotKept,
    KeyRefused,
    Missing,
    NoAnswer,
    NotRedmine,
    Unreachable,
)

TIMEOUTS_S = (3.05, 20.0)
DEADLINE_S = 30.0
BYTES_MAX = 5_000_000
PAGE = 100
PROJECTS_MAX = 500
_NO_CONTENT = 204


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


class _Session(requests.Session):
    """Deadline, no redirects, bounded answers; the environment's proxies and .netrc are not looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = settings.CA_BUNDLE or True

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"timeout": TIMEOUTS_S, "allow_redirects": False, "stream": True}
        deadline = time.monotonic() + DEADLINE_S
        try:
            answer = super().request(method, url, *args, **kwargs)
            _read_bounded(answer, deadline)
        except requests.exceptions.SSLError as error:
            raise Unreachable(type(error).__name__, code="redmine_certificate") from error
        except requests.exceptions.ConnectTimeout as error:
            raise Unreachable(type(error).__name__) from error
        except requests.exceptions.ConnectionError as error:
            # Only what failed while connecting is known not to have been sent.
            if _never_connected(error):
                raise Unreachable(type(error).__name__) from error
            raise NoAnswer(type(error).__name__) from error
        except requests.RequestException as error:
            raise NoAnswer(type(error).__name__) from error
        return answer


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _read_bounded(answer: requests.Response, deadline: float) -> None:
    """Read the whole body, or raise."""
    parts, length = [], 0
    for part in answer.iter_content(65536):
        parts.append(part)
        length += len(part)
        if length > BYTES_MAX:
            answer.close()
            raise NotRedmine(f"more than {BYTES_MAX} bytes")
        if time.monotonic() > deadline:
            answer.close()
            raise NoAnswer("deadline")
    answer._content = b"".join(parts)


class Engine(SyncEngine):
    """python-redmine's engine with our session and our errors."""

    @staticmethod
    def create_session(**params: Any) -> requests.Session:
        session = _Session()
        session.headers.update(params.get("headers", {}))
        session.headers["Accept"] = "application/json"
        return session

    def process_response(self, response: requests.Response) -> Any:
        status = response.status_code
        if status in (200, 201, _NO_CONTENT):
            return self._body(response)
        known = {401: KeyRefused, 403: Forbidden, 404: Missing, 500: Broken}.get(status)
        if known is not None:
            raise known(str(status))
        if status in (429, 502, 503, 504):
            raise Busy(str(status))
        if 400 <= status < 500:
            raise Invalid(_refusals(response) or str(status))
        raise NotRedmine(f"HTTP {status}")

    @staticmethod
    def _body(response: requests.Response) -> Any:
        if not response.content.strip():
            return True
        try:
            return response.json()
        except ValueError as error:
            raise NotRedmine("no JSON") from error


def _refusals(response: requests.Response) -> str:
    """What a 422 says, for a person to read; nothing is decided by it."""
    try:
        said = response.json()["errors"]
        return "; ".join(str(one) for one in said)
    except (ValueError, KeyError, TypeError):
        return ""


Found = TypeVar("Found")


def _shaped(build: Callable[[], Found]) -> Found:
    """What the answer lacks, or holds in another form, means that no Redmine answered."""
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise NotRedmine(type(error).__name__) from error
    except BaseRedmineError as error:
        raise NotRedmine(type(error).__name__) from error


class RedmineTickets:
    """One server, one API key."""

    def __init__(self, url: str, key: str) -> None:
        self._redmine = Redmine(url, key=key, engine=Engine)
        self._url = url

    def me(self) -> Me:
        user = self._get("users/current.json")
        return _shaped(
            lambda: Me(
                int(user["user"]["id"]), str(user["user"].get("login", "")), bool(user["user"].get("admin"))
            )
        )

    def statuses(self) -> list[Status]:
        said = self._get("issue_statuses.json")
        return _shaped(
            lambda: [
                Status(int(s["id"]), str(s["name"]), bool(s.get("is_closed"))) for s in said["issue_statuses"]
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
            page = _shaped(lambda said=said: [_project(one) for one in said["projects"]])  # type: ignore[misc]
            found += page
            if not page or len(found) >= _shaped(lambda said=said: int(said["total_count"])):  # type: ignore[misc]
                break
        return found

    def fields(self) -> dict[str, int]:
        """Custom fields of issues by name, as far as they can be seen: a project names those alone that were chosen for it,
        never those that are for all projects. An administrator sees all, others those of the newest issue."""
        try:
            said = self._get("custom_fields.json")
            found = _shaped(
                lambda: [one for one in said["custom_fields"] if one.get("customized_type") == "issue"]
            )
        except Forbidden:
            said = self._get("issues.json", {"status_id": "*", "limit": 1, "sort": "id:desc"})
            found = _shaped(
                lambda: [one for issue in said["issues"] for one in issue.get("custom_fields") or []]
            )
        return _shaped(lambda: {str(one["name"]): int(one["id"]) for one in found})

    def rights(self) -> dict[int, frozenset[str]]:
        """What the roles of Toban's user allow, by project id; an administrator has none and needs none."""
        said = self._get("users/current.json", {"include": "memberships"})
        roles = _shaped(
            lambda: {
                int(one["project"]["id"]): {int(role["id"]) for role in one["roles"]}
                for one in said["user"].get("memberships") or []
            }
        )
        allowed = {role: self._allowed(role) for role in sorted(set().union(*roles.values()))}
        return {
            project: frozenset().union(*(allowed[role] for role in ids)) for project, ids in roles.items()
        }

    def _allowed(self, role: int) -> frozenset[str]:
        said = self._get(f"roles/{role}.json")
        return _shaped(lambda: frozenset(str(one) for one in said["role"].get("permissions") or []))

    def key_is_filtered(self, field: int, random_key: str) -> bool | None:
        """Whether asking for a key that nobody has gives nothing; None where there is no issue to tell by."""
        if self._count({}) == 0:
            return None
        return self._count({f"cf_{field}": random_key}) == 0

    def _count(self, query: Mapping[str, Any]) -> int:
        said = self._get("issues.json", {"status_id": "*", "limit": 1, **query})
        return _shaped(lambda: int(said["total_count"]))

    def find(self, field: int, key: str) -> list[Issue]:
        """Issues that carry exactly this key, oldest first. Raises FilterBroken where the server gives others."""
        query = {"status_id": "*", f"cf_{field}": key, "sort": "id", "limit": PAGE}
        said = self._get("issues.json", query)
        found = _shaped(lambda: [_issue(one, field) for one in said["issues"]])
        if any(issue.key != key for issue in found):
            raise FilterBroken(f"cf_{field}")
        return found

    def read(self, issue_id: int, field: int) -> Issue:
        """One issue with its journals. Raises Missing."""
        said = self._get(f"issues/{issue_id}.json", {"include": "journals"})
        return _shaped(lambda: _issue(said["issue"], field))

    def create(self, new: NewIssue, field: int) -> Issue:
        """Raises KeyNotKept where the issue does not hold its key afterwards."""
        made = _shaped(
            lambda: self._redmine.issue.create(
                project_id=new.project_id, tracker_id=new.tracker_id, subject=new.subject, description=new.description,
                custom_fields=[{"id": field, "value": new.key}],
            )
        )  # fmt: skip
        issue = _shaped(lambda: _issue(dict(made), field))
        if issue.key != new.key:
            raise KeyNotKept(f"#{issue.id}")
        return issue

    def update(self, issue_id: int, *, notes: str, status_id: int | None = None) -> None:
        """A note, and with a status the move to it; whether the server moved it must be read back."""
        change: dict[str, Any] = {"notes": notes} | ({} if status_id is None else {"status_id": status_id})
        _shaped(lambda: self._redmine.issue.update(issue_id, **change))

    def changed(self, field: int, since: datetime, *, offset: int) -> Changed:
        """Issues with any key that changed since (the server's own second), oldest first, 100 at a time."""
        query = {
            "status_id": "*", f"cf_{field}": "*", "updated_on": f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "sort": "updated_on:asc,id:asc", "limit": PAGE, "offset": offset,
        }  # fmt: skip
        said = self._get("issues.json", query)
        return _shaped(
            lambda: Changed([_issue(one, field) for one in said["issues"]], int(said["total_count"]))
        )

    def among(self, field: int, issue_ids: Sequence[int]) -> list[Issue]:
        """Those of at most 100 issues that exist and are seen."""
        query = {"status_id": "*", "issue_id": ",".join(map(str, issue_ids)), "limit": PAGE, "sort": "id"}
        said = self._get("issues.json", query)
        return _shaped(lambda: [_issue(one, field) for one in said["issues"]])

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        said = self._redmine.engine.request("get", f"{self._url}/{path}", params=dict(query or {}))
        if not isinstance(said, dict):
            raise NotRedmine(path)
        return said


def _project(said: Mapping[str, Any]) -> Project:
    modules = {str(one["name"]) for one in said.get("enabled_modules") or []}
    return Project(
        id=int(said["id"]),
        identifier=str(said["identifier"]),
        name=str(said["name"]),
        open=int(said.get("status", 1)) == 1,
        issues="issue_tracking" in modules,
        fields={str(one["name"]): int(one["id"]) for one in said.get("issue_custom_fields") or []},
        trackers={int(one["id"]): str(one["name"]) for one in said.get("trackers") or []},
        tells_fields="issue_custom_fields" in said,
    )


def _issue(said: Mapping[str, Any], field: int) -> Issue:
    values = {int(one["id"]): one.get("value") for one in said.get("custom_fields") or []}
    closed = said.get("closed_on")
    return Issue(
        id=int(said["id"]),
        project_id=int(said["project"]["id"]),
        status_id=int(said["status"]["id"]),
        status=str(said["status"]["name"]),
        subject=str(said.get("subject") or ""),
        description=str(said.get("description") or ""),
        author_id=int((said.get("author") or {}).get("id") or 0),
        updated_on=_instant(said["updated_on"]),
        closed_on=_instant(closed) if closed else None,
        key=str(values.get(field) or ""),
        journals=tuple(_journal(one) for one in said.get("journals") or []),
    )


def _journal(said: Mapping[str, Any]) -> Journal:
    moved = [
        one
        for one in said.get("details") or []
        if one.get("property") == "attr" and one["name"] == "status_id"
    ]
    user = said.get("user") or {}
    return Journal(
        id=int(said["id"]),
        author_id=int(user.get("id") or 0),
        author=str(user.get("name") or ""),
        notes=str(said.get("notes") or ""),
        at=_instant(said["created_on"]),
        status=int(moved[-1]["new_value"]) if moved else None,
    )


def _instant(said: object) -> datetime:
    """Redmine's UTC, aware."""
    if isinstance(said, datetime):
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said
    if isinstance(said, date):
        raise ValueError("a date is no instant")
    return datetime.strptime(str(said), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
