"""A Redmine that has the habits of the real one (5.0.4, measured), kind or not; the demo's tickets go into it.

Lists show open issues only unless asked; a filter on a field that is no filter gives everything; a page has 100 at most; a
status that the workflow refuses is passed over with 204; a change of nothing still moves updated_on, which is shown in whole
seconds and asked for with one second more; the same key twice makes two issues; lists hold no journals. The tests of the tickets run
against it, and the same ones against the real one (`./toban test --redmine`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from config.simulator.redmine_commits import SimulatedCommits

BOT, HUMAN = 1, 7
STATUSES = (
    {"id": 1, "name": "新規", "is_closed": False},
    {"id": 2, "name": "進行中", "is_closed": False},
    {"id": 5, "name": "終了", "is_closed": True},
    {"id": 6, "name": "却下", "is_closed": True},
)
ARCHIVED = 9
FIELDS = [{"id": 1, "name": "portal_key"}, {"id": 3, "name": "aws_account"}]
KEY = "0123456789abcdef"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass
class SimulatedRedmine:
    """`now` stands still where somebody sets it; `left`: so many more requests are answered, then none. `project_status`: 1 open, 5 closed, 9 archived. `filters`: the ids of fields that are used as a filter."""

    now: datetime | None = None
    admin: bool = True
    fields: list[dict[str, Any]] = field(default_factory=lambda: list(FIELDS))
    for_all: bool = False
    filters: set[int] = field(default_factory=lambda: {1})
    statuses: list[dict[str, Any]] = field(default_factory=lambda: [dict(one) for one in STATUSES])
    refused_statuses: set[int] = field(default_factory=set)
    role: list[str] = field(
        default_factory=lambda: ["view_issues", "add_issues", "edit_issues", "add_issue_notes"]
    )
    project_status: int = 1
    down: int = 0
    left: int | None = None
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    journals: int = 0
    made: int = 0
    writes: int = 0
    asked: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    commits: SimulatedCommits = field(default_factory=SimulatedCommits)
    url: str = ""

    # -- what people do in it ------------------------------------------------------------------------------------------

    def move(self, issue: int, status: int, notes: str = "", user: int = HUMAN) -> None:
        with self.lock:
            self._change(self.issues[issue], {"status_id": status, "notes": notes}, user)

    def note(self, issue: int, notes: str, user: int = HUMAN) -> None:
        with self.lock:
            self._change(self.issues[issue], {"notes": notes}, user)

    def fail_after(self, requests: int | None) -> None:
        with self.lock:
            self.left = requests

    def delete(self, issue: int) -> None:
        with self.lock:
            del self.issues[issue]

    # -- what it answers -----------------------------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any], key: str
    ) -> tuple[int, Any]:
        with self.lock:
            self.asked.append(f"{method} {path}")
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    return 503, None
            if self.down:
                return self.down, None
            if path.startswith("/sys/"):
                return self.commits.service(path, query | body)
            if key != KEY:
                return 401, None
            if method != "GET":
                self.writes += 1
            routes: tuple[tuple[str, Callable[..., tuple[int, Any]]], ...] = (
                (r"/users/current\.json", self._me), (r"/roles/\d+\.json", self._role),
                (r"/issue_statuses\.json", lambda *_: (200, {"issue_statuses": list(self.statuses)})),
                (r"/projects\.json", self._projects), (r"(?:/projects/\d+)?/issues\.json", self._issues),
                (r"/issues/(\d+)\.json", self._issue), (r"/custom_fields\.json", self._fields),
                (r"/projects/portal-demo/repository/([^/]+)/revisions/([^/]+)/issues\.json", self._relate),
            )  # fmt: skip
            for pattern, handle in routes:
                if found := re.fullmatch(pattern, path):
                    return handle(method, query, body, *found.groups())
            return 404, None

    def _me(self, method: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        memberships = [] if self.admin else [{"project": {"id": 1}, "roles": [{"id": 4, "name": "bot"}]}]
        return 200, {"user": {"id": BOT, "login": "toban", "admin": self.admin, "memberships": memberships}}

    def _fields(self, method: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if not self.admin:
            return 403, None
        return 200, {"custom_fields": [one | {"customized_type": "issue"} for one in self.fields]}

    def _role(self, method: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"role": {"id": 4, "permissions": self.role}}

    def _projects(self, method: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        project = {
            "id": 1, "identifier": "portal-demo", "name": "portal-demo", "status": self.project_status,
            "trackers": [{"id": 1, "name": "バグ"}], "enabled_modules": [{"id": 1, "name": "issue_tracking"}],
            "issue_custom_fields": [] if self.for_all else self.fields,
        }  # fmt: skip
        return 200, {"projects": [project], "total_count": 1, "offset": 0, "limit": 100}

    def _issues(self, method: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            return self._create(body["issue"])
        rows = [
            row
            for row in self.issues.values()
            if self.project_status != ARCHIVED and self._wanted(row, query)
        ]
        for name in reversed(query.get("sort", "id:desc").split(",")):
            column, _, way = name.partition(":")
            rows.sort(key=lambda row: row[column], reverse=way == "desc")
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 25)), 100)
        page = [self._shown(row, journals=False) for row in rows[offset : offset + limit]]
        return 200, {"issues": page, "total_count": len(rows), "offset": offset, "limit": limit}

    def _wanted(self, row: dict[str, Any], query: dict[str, str]) -> bool:
        if query.get("status_id") != "*" and self._closes(row["status_id"]):
            return False
        if "issue_id" in query and str(row["id"]) not in query["issue_id"].split(","):
            return False
        if "updated_on" in query and row["updated_on"] < _second_before(
            query["updated_on"].removeprefix(">=")
        ):
            return False
        for name, value in query.items():
            number = name.removeprefix("cf_")
            if name.startswith("cf_") and int(number) in self.filters:
                held = row["fields"].get(int(number), "")
                if not held if value == "*" else held != value:
                    return False
        return True

    def _create(self, given: dict[str, Any]) -> tuple[int, Any]:
        if self.project_status != 1:
            return 422, {"errors": ["Project cannot be blank"]}
        self.made += 1
        number, now = self.made, self._clock()
        known = {one["id"] for one in self.fields}
        row = {
            "id": number, "project_id": int(given.get("project_id", 1)), "status_id": 1, "subject": given["subject"],
            "description": given.get("description", ""), "author": BOT, "updated_on": now, "created_on": now,
            "closed_on": None, "journals": [],
            "fields": {int(one["id"]): one["value"] for one in given.get("custom_fields", []) if int(one["id"]) in known},
        }  # fmt: skip
        self.issues[number] = row
        return 201, {"issue": self._shown(row, journals=False)}

    def _issue(
        self, method: str, query: dict[str, str], body: dict[str, Any], number: str
    ) -> tuple[int, Any]:
        row = self.issues.get(int(number))
        if row is None:
            return 404, None
        if self.project_status == ARCHIVED:
            return 403, None
        if method == "GET":
            commits = [{"revision": one} for one in sorted(self.commits.links.get(int(number), ()))]
            return 200, {"issue": self._shown(row, journals=True) | {"changesets": commits}}
        if self.project_status != 1:
            return 403, None
        self._change(row, body["issue"], BOT)
        return 204, None

    def _relate(
        self, method: str, query: dict[str, str], body: dict[str, Any], name: str, commit: str
    ) -> tuple[int, Any]:
        issue = int(body["issue_id"])
        return self.commits.relate(name, commit, issue, there=issue in self.issues)

    def _change(self, row: dict[str, Any], given: dict[str, Any], user: int) -> None:
        details, status = [], given.get("status_id")
        refused = user == BOT and status in self.refused_statuses
        if status is not None and status != row["status_id"] and not refused:
            details.append({"property": "attr", "name": "status_id", "old_value": str(row["status_id"]),
                            "new_value": str(status)})  # fmt: skip
            row["status_id"] = status
            row["closed_on"] = self._clock() if self._closes(status) else row["closed_on"]
        if given.get("notes") or details:
            self.journals += 1
            row["journals"].append(
                {
                    "id": self.journals, "user": {"id": user, "name": "人" if user == HUMAN else "toban"},
                    "notes": given.get("notes", ""), "created_on": self._clock(), "details": details,
                }
            )  # fmt: skip
        row["updated_on"] = self._clock()

    def _shown(self, row: dict[str, Any], *, journals: bool) -> dict[str, Any]:
        names = {one["id"]: one["name"] for one in self.statuses}
        held = [
            {"id": one["id"], "name": one["name"], "value": row["fields"].get(one["id"], "")}
            for one in self.fields
        ]
        shown = {
            "id": row["id"], "project": {"id": row["project_id"]}, "subject": row["subject"], "author": {"id": row["author"]},
            "status": {"id": row["status_id"], "name": names[row["status_id"]]}, "description": row["description"],
            "updated_on": row["updated_on"], "closed_on": row["closed_on"], "custom_fields": held,
        }  # fmt: skip
        return shown | ({"journals": row["journals"]} if journals else {})

    def _closes(self, status: int) -> bool:
        return any(one["is_closed"] for one in self.statuses if one["id"] == status)

    def _clock(self) -> str:
        return f"{self.now or datetime.now(UTC):{_TIME}}"


def _second_before(text: str) -> str:
    """Times there have fractions that nobody is shown: what is shown as one second older is found, too."""
    return f"{datetime.fromisoformat(text) - timedelta(seconds=1):{_TIME}}"
