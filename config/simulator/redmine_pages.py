"""The simulated Redmine in a browser: what somebody at the hospital sees, and may do there past Toban."""

from __future__ import annotations

from html import escape
from typing import Any

from config.simulator.redmine import HUMAN, STATUSES, SimulatedRedmine

_NAMES = {one["id"]: str(one["name"]) for one in STATUSES}
_STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}"
    "h1{font-size:1.3rem}header{color:#5a6775;border-bottom:1px solid #ccd3da;margin-bottom:1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f6f8;padding:.8rem}"
    "textarea{width:100%;box-sizing:border-box}li{margin:.4rem 0}"
)


class Pages:
    """Lists and shows issues as HTML; a form changes a status or adds a note, as a person and not as Toban."""

    def __init__(self, redmine: SimulatedRedmine, prefix: str) -> None:
        self.redmine, self.prefix = redmine, prefix

    def answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, str]:
        """Status and HTML; a form that was taken shows the issue again."""
        with self.redmine.lock:
            if path in ("", "/", "/issues", "/projects/portal-demo"):
                return 200, _page("チケット", self._list())
            number = path.removeprefix("/issues/")
            row = self.redmine.issues.get(int(number)) if number.isdecimal() else None
            if row is None:
                return 404, _page("404", "<p>このチケットはありません。</p>")
            if method == "POST":
                status = form.get("status", "")
                moved = int(status) if status.isdecimal() and int(status) in _NAMES else row["status_id"]
                self.redmine.move(row["id"], moved, form.get("notes", "").strip(), HUMAN)
            return 200, _page(f"#{row['id']} {row['subject']}", self._issue(row))

    def _list(self) -> str:
        rows = sorted(self.redmine.issues.values(), key=lambda row: -row["id"])
        items = "".join(
            f'<li><a href="{self.prefix}/issues/{row["id"]}">#{row["id"]} {escape(row["subject"])}</a>'
            f" ({escape(_NAMES[row['status_id']])})</li>"
            for row in rows
        )
        return f"<ul>{items}</ul>" if rows else "<p>チケットはまだありません。</p>"

    def _issue(self, row: dict[str, Any]) -> str:
        choices = "".join(
            f'<option value="{number}"{" selected" if number == row["status_id"] else ""}>{escape(name)}</option>'
            for number, name in _NAMES.items()
        )
        notes = "".join(
            f"<li>{escape(one['created_on'])} {escape(one['user']['name'])}{_moved(one)}"
            f"<pre>{escape(one['notes'])}</pre></li>"
            for one in row["journals"]
        )
        commits = "".join(
            f"<li>{escape(one[:12])}</li>" for one in sorted(self.redmine.commits.links.get(row["id"], ()))
        )
        return (
            f"<p>ステータス: {escape(_NAMES[row['status_id']])}</p><pre>{escape(row['description'])}</pre>"
            f"<h2>関係しているリビジョン</h2><ul>{commits or '<li>なし</li>'}</ul><h2>履歴</h2><ol>{notes}</ol>"
            f'<form method="post"><p><label>ステータス <select name="status">{choices}</select></label></p>'
            f'<p><label>注記<br><textarea name="notes" rows="3"></textarea></label></p><button>送信</button></form>'
            f'<p><a href="{self.prefix}/issues">すべてのチケット</a></p>'
        )


def _moved(journal: dict[str, Any]) -> str:
    moves = [one for one in journal["details"] if one["name"] == "status_id"]
    return "".join(f" → {escape(_NAMES[int(one['new_value'])])}" for one in moves)


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="ja"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<header>デモ用の模擬Redmine</header><h1>{escape(title)}</h1>{body}</html>"
    )
