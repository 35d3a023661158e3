"""The demo's Redmine: people see in a browser what Toban wrote, may act there past Toban, and a restart forgets nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from config.simulator.redmine import KEY
from config.simulator.redmine_site import PREFIX, RedmineSite


def ask(
    site: RedmineSite, method: str, path: str, body: bytes = b"", *, form: bool = False
) -> tuple[int, str]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": f"{PREFIX}{path}", "HTTP_X_REDMINE_API_KEY": KEY, "wsgi.input": io.BytesIO(),
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if form else "application/json",
    }  # fmt: skip
    answer = site.answer(environ, body)
    return answer.status, answer.body.decode()


def create(site: RedmineSite, subject: str) -> None:
    given = {
        "issue": {
            "project_id": 1,
            "subject": subject,
            "description": "<script>",
            "custom_fields": [{"id": 1, "value": "k"}],
        }
    }
    assert ask(site, "POST", "/issues.json", json.dumps(given).encode())[0] == 201


def test_an_issue_is_a_page_on_which_a_person_may_act(tmp_path: Path) -> None:
    site = RedmineSite(tmp_path / "redmine.json")
    create(site, "未完了 <b>")
    assert "未完了 &lt;b&gt;" in ask(site, "GET", "/issues")[1]
    form = urlencode({"status": "5", "notes": "対応済み"}).encode()
    status, page = ask(site, "POST", "/issues/1", form, form=True)
    assert status == 200
    assert "対応済み" in page
    assert "→ 終了" in page
    assert "<script>" not in page
    assert json.loads(ask(site, "GET", "/issues/1.json")[1])["issue"]["status"]["id"] == 5
    assert ask(site, "GET", "/issues/7")[0] == 404


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    before = RedmineSite(tmp_path / "redmine.json")
    create(before, "一")
    before.redmine.commits.add("/mirror", "portal")
    before.redmine.commits.links[1] = {"abc"}
    ask(before, "POST", "/issues/1", urlencode({"notes": "注記"}).encode(), form=True)
    after = RedmineSite(tmp_path / "redmine.json")
    assert json.loads(ask(after, "GET", "/issues/1.json")[1]) == json.loads(
        ask(before, "GET", "/issues/1.json")[1]
    )
    assert after.redmine.commits == before.redmine.commits
    create(after, "二")
    assert sorted(after.redmine.issues) == [1, 2]
