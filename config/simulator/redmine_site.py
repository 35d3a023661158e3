"""The simulated Redmine under /redmine of the simulator: its REST answers, its pages, and what stays after a restart."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from config.simulator import wire
from config.simulator.redmine import SimulatedRedmine
from config.simulator.redmine_commits import SimulatedRepository
from config.simulator.redmine_pages import Pages
from config.simulator.wire import Answer

PREFIX = "/redmine"


class RedmineSite:
    """Answers requests below PREFIX. `file` keeps issues and commits; without one they end with the process."""

    def __init__(self, file: Path | None) -> None:
        self.redmine, self.file = SimulatedRedmine(), file
        self.pages = Pages(self.redmine, PREFIX)
        if file is not None and file.exists():
            self._read(json.loads(file.read_text(encoding="utf-8")))

    def answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        """As Redmine would: JSON for what asks for it or reads git, pages for people."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX)
        query = _last(environ.get("QUERY_STRING", ""))
        is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        with self.redmine.lock:
            if path.endswith(".json") or path.startswith("/sys/"):
                sent = _last(body.decode()) if is_form else json.loads(body or b"{}")
                status, said = self.redmine.answer(
                    method, path, query, sent, environ.get("HTTP_X_REDMINE_API_KEY", "")
                )
                answer = (
                    wire.plain(b"", "application/json", status)
                    if said is None
                    else wire.as_json(said, status)
                )
            else:
                status, page = self.pages.answer(method, path, _last(body.decode()))
                answer = wire.plain(page.encode(), "text/html; charset=utf-8", status)
            if method != "GET" or path.startswith("/sys/"):
                self._keep()
        return answer

    def _keep(self) -> None:
        if self.file is None:
            return
        one, commits = self.redmine, self.redmine.commits
        held = {
            "issues": list(one.issues.values()), "journals": one.journals, "made": one.made,
            "links": {issue: sorted(found) for issue, found in commits.links.items()},
            "repositories": [vars(row) | {"known": sorted(row.known)} for row in commits.repositories],
        }  # fmt: skip
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")
        os.replace(beside, self.file)

    def _read(self, held: dict[str, Any]) -> None:
        one = self.redmine
        for row in held["issues"]:
            row["fields"] = {int(number): value for number, value in row["fields"].items()}
            one.issues[row["id"]] = row
        one.journals, one.made = held["journals"], held["made"]
        one.commits.links = {int(issue): set(found) for issue, found in held["links"].items()}
        one.commits.repositories = [
            SimulatedRepository(**row | {"known": set(row["known"])}) for row in held["repositories"]
        ]


def _last(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}
