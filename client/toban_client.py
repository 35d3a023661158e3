#!/usr/bin/env python3
"""Toban from the command line, over its API: one file, Python 3.11 or newer, nothing to install.

    toban_client.py login https://toban.example.jp      reads a token (made in Toban under "API tokens") and keeps it
    toban_client.py whoami                              who the token acts for, and what it may do
    toban_client.py list [TEXT] [--state running]       resources, why each is on or off, and what comes next
    toban_client.py explain NAME                        one resource: why now, the coming days, what is wrong with it
    toban_client.py enter start|stop NAME --reason WHY  enters it; a person then confirms it
    toban_client.py operations [--state ENTERED]        what waits, runs and ended
    toban_client.py confirm OPERATION                   shows it, asks for your password, confirms it
    toban_client.py follow OPERATION                    tells each step until it has ended

TOBAN_SERVER and TOBAN_TOKEN in the environment come before what `login` kept. Sentences are Japanese, or English with
`--language en`; nothing is coloured. Ends with 0; 1 where Toban refused; 2 where the command cannot be understood; 3 where Toban
could not be reached; 4 where what was followed ended without success; 130 where it was interrupted.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import io
import json
import os
import stat
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from unicodedata import category

FINAL = frozenset({"SUCCEEDED", "FAILED", "MISSED", "REJECTED", "WITHDRAWN", "EXPIRED", "CANCELLED"})
TIMEOUT_S = 30
ASK_EVERY_S = 2.0
#: So often in a row nobody may answer before following ends: a Toban that is renewed is away for some seconds.
AWAY_MOST = 15
Json = dict[str, Any]
#: (method, address, headers, body) -> (status, body); raises OSError or HTTPException where nobody answers.
Send = Callable[[str, str, Mapping[str, str], bytes | None], tuple[int, bytes]]

#: What this program says itself, by language; %s stands for what it is about.
SAID: Mapping[str, Mapping[str, str]] = {
    "no_tenant": {
        "ja": "このトークンで使えるテナントがありません。Toban の「APIトークン」で、使うテナントのトークンを作成してください。",
        "en": 'This token leads into no tenant. Make one of the tenant that you mean, in Toban under "API tokens".',
    },
    "no_toban": {
        "ja": "%s から Toban の応答がありません（ステータス %s）。アドレスを確認してください。",
        "en": "%s does not answer as Toban does (status %s). Check the address.",
    },
    "which_resource": {
        "ja": "%s という名前のリソースは %s件です。i-0123456789abcdef0 のような ID を指定してください。",
        "en": "%s is the name of %s resources. Give an id, like i-0123456789abcdef0.",
    },
    "no_login": {
        "ja": "サインインしていません。次を実行してください: toban_client.py login https://貴院の Toban のアドレス",
        "en": "Not signed in. Do so: toban_client.py login https://your-toban",
    },
    "half_a_login": {
        "ja": "TOBAN_SERVER と TOBAN_TOKEN は、両方を設定するか、どちらも設定しないでください。片方だけでは、接続先が分かりません。",
        "en": "Set both TOBAN_SERVER and TOBAN_TOKEN, or neither: with one of them it is not clear which Toban is meant.",
    },
    "no_tls": {
        "ja": "%s ではトークンを暗号化せずに送ることになります。https:// で始まるアドレスを指定してください。",
        "en": "%s would take the token without encryption. Give the address with https://",
    },
    "no_token": {
        "ja": "トークンが読めません。Toban が一度だけ示した toban_… をそのまま渡してください。",
        "en": "The token cannot be read. Give it as Toban showed it once: toban_…",
    },
    "no_answer_given": {
        "ja": "パスワードを尋ねましたが、入力がありません。端末で実行してください。",
        "en": "A password was asked for and none was given. Run this at a terminal.",
    },
    "away": {
        "ja": "%s の Toban に接続できません: %s。アドレスとネットワークを確認して、もう一度実行してください。",
        "en": "Toban at %s could not be reached: %s. Check the address and the network, then try again.",
    },
    "password": {"ja": "パスワード: ", "en": "Password: "},
    "code": {
        "ja": "第二要素のコード（なければ空のまま Enter）: ",
        "en": "Code of the second factor (empty: none): ",
    },
    "told_once": {
        "ja": "%s さんご本人だけに伝えるコード（一度だけ表示します）: %s",
        "en": "The code for %s alone, shown this once: %s",
    },
    "token": {"ja": "トークン: ", "en": "Token: "},
}


class Refused(Exception):
    """Toban's answer is a problem document; its sentences are shown as they are."""


class Mistaken(Exception):
    """This program cannot go on: a code of SAID and what it is about."""

    def __init__(self, code: str, *about: object) -> None:
        super().__init__(code, *about)
        self.code, self.about = code, about

    def said(self, language: str) -> str:
        return SAID[self.code][language] % self.about


class NoSuccess(Exception):
    """What was followed has ended otherwise; it was said already."""


@dataclass(frozen=True)
class Login:
    server: str
    token: str


class Toban:
    """The API as one person's token sees it; `tenant` is the token's own."""

    def __init__(self, login: Login, send: Send, language: str) -> None:
        self._login, self._send, self._language = login, send, language
        tenants = self.ask("GET", "/api/v1/tenants/")["results"]
        if len(tenants) != 1:
            raise Mistaken("no_tenant")
        self.tenant = str(tenants[0]["slug"])

    def ask(self, method: str, path: str, body: Json | None = None, **query: str) -> Json:
        """One call; raises Refused with Toban's own sentences. What is sent is acted on once, however often it is sent."""
        address = self._login.server + path
        if query:
            address += "?" + urllib.parse.urlencode({name: value for name, value in query.items() if value})
        headers = {
            "Authorization": f"Bearer {self._login.token}",
            "Accept": "application/json",
            "Accept-Language": self._language,
        }
        if method != "GET":
            headers |= {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        sent = json.dumps(body or {}).encode() if method != "GET" else None
        status, answer = self._send(method, address, headers, sent)
        try:
            told: Json = json.loads(answer or b"{}")
        except ValueError:
            raise Mistaken("no_toban", address, status) from None
        if not isinstance(told, dict) or 300 <= status < 400:
            raise Mistaken("no_toban", address, status)
        if status >= 400:
            fields = told.get("fields") or {}
            named = "".join(f"\n  {name}: {' '.join(map(str, said))}" for name, said in fields.items())
            raise Refused(f"{told.get('title', status)} {told.get('detail', '')}{named}".strip())
        return told

    def here(self, method: str, path: str, body: Json | None = None, **query: str) -> Json:
        return self.ask(method, f"/api/v1/tenants/{self.tenant}/{path}", body, **query)

    def pages(self, path: str, **query: str) -> Iterator[Json]:
        """Every row of a list, page after page."""
        after: str | None = ""
        while after is not None:
            page = self.here("GET", path, None, **query, after=after)
            yield from page["results"]
            after = page["next"]

    def resource(self, name: str) -> Json:
        """The one resource of this name or id; raises Refused where there is none, or several."""
        found = [
            row for row in self.pages("resources/", q=name) if name in (row["name"], row["aws_id"], row["id"])
        ]
        if len(found) != 1:
            raise Mistaken("which_resource", name, len(found))
        return found[0]


def say(*lines: str, to: TextIO | None = None) -> None:
    """Names come from AWS: what moves a terminal's cursor, turns letters round or ends a line is shown, and does nothing."""
    for line in lines:
        plain = "".join("\ufffd" if category(one)[0] == "C" else one for one in line)
        print(plain, file=to or sys.stdout, flush=True)


def say_resource(row: Json) -> str:
    following = row["next_change"]
    coming = f"{following['action']} {following['at']}" if following else "-"
    return f"{row['state']:<11}{row['name'] or '-':<28}{row['aws_id']:<22}{row['reason']['code']:<22}{coming}"


def say_operation(row: Json) -> str:
    target = row["target"]["name"] or row["target"]["id"]
    return f"{row['id']}  {row['state']:<10} {row['kind']:<20} {target}  ({row['entered_by']['name']})"


def whoami(toban: Toban, given: argparse.Namespace) -> None:
    me = toban.here("GET", "")
    roles, may = ", ".join(me["roles"]), [f"  {one}" for one in me["permissions"]]
    say(f"{me['name']} @ {me['tenant']}  ({roles})", *may)


def list_(toban: Toban, given: argparse.Namespace) -> None:
    for row in toban.pages("resources/", q=given.text, state=given.state):
        say(say_resource(row))


def explain(toban: Toban, given: argparse.Namespace) -> None:
    row = toban.here("GET", f"resources/{toban.resource(given.name)['id']}/")
    say(say_resource(row))
    for name, value in row["reason"].items():
        say(f"  {name}: {value}")
    for finding in row["findings"]:
        say(f"  ! {finding['tag']}={finding['value']}: {finding['code']} -> {finding['suggestion']}")
    for day in row["plan"]:
        times = f"start {day['start'] or '-'}  stop {day['stop'] or '-'}"
        say(f"  {day['date']}  {day['reason']['code']:<20} {times}")


def enter(toban: Toban, given: argparse.Namespace) -> None:
    row = toban.resource(given.name)
    body = {"kind": f"{row['kind']}.{given.action}", "resource": row["id"], "reason": given.reason}
    say(say_operation(toban.here("POST", "operations/", body)))


def operations(toban: Toban, given: argparse.Namespace) -> None:
    for row in toban.pages("operations/", state=given.state.upper()):
        say(say_operation(row))


def confirm(toban: Toban, given: argparse.Namespace) -> None:
    row = toban.here("GET", f"operations/{given.operation}/")
    say(say_operation(row))
    say(*json.dumps(row["shown"], ensure_ascii=False, indent=2).split("\n"))
    password = getpass.getpass(SAID["password"][given.language])
    code = getpass.getpass(SAID["code"][given.language])
    body = {"digest": row["digest"], "password": password, "code": code}
    row = toban.here("POST", f"operations/{given.operation}/confirm/", body)
    say(say_operation(row))
    if row["told_once"]:
        say(SAID["told_once"][given.language] % (row["target"]["name"], row["told_once"]))


def follow(toban: Toban, given: argparse.Namespace) -> None:
    """Tell each change until the end; asks every two seconds, also while Toban is away for a moment. Raises NoSuccess."""
    told, away = "", 0
    while True:
        try:
            row = toban.here("GET", f"operations/{given.operation}/")
        except (OSError, http.client.HTTPException):
            away += 1
            if away > AWAY_MOST:
                raise
            time.sleep(ASK_EVERY_S)
            continue
        away = 0
        now = f"{row['state']} {row['outcome']}".strip()
        if now != told:
            say(f"{now:<30}{say_operation(row)}")
            told = now
        if row["state"] == "SUCCEEDED":
            return
        if row["state"] in FINAL:
            raise NoSuccess
        time.sleep(ASK_EVERY_S)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="toban_client.py", description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--language", default="ja", choices=["ja", "en"], help="of Toban's sentences")
    commands = made.add_subparsers(dest="command", required=True)
    one = commands.add_parser("login", help="keep a server and a token")
    one.add_argument("server")
    for name, run in (("whoami", whoami), ("list", list_), ("explain", explain), ("enter", enter),
                      ("operations", operations), ("confirm", confirm), ("follow", follow)):  # fmt: skip
        one = commands.add_parser(name)
        one.set_defaults(run=run)
        if name == "list":
            one.add_argument("text", nargs="?", default="")
        if name in ("list", "operations"):
            one.add_argument("--state", default="")
        if name == "enter":
            one.add_argument("action", choices=["start", "stop"])
        if name in ("explain", "enter"):
            one.add_argument("name")
        if name == "enter":
            one.add_argument("--reason", required=True)
        if name in ("confirm", "follow"):
            one.add_argument("operation", type=uuid.UUID)
    return made


def kept_at() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "toban" / "login.json"


def keep(login: Login) -> None:
    """Readable by its owner only, from the first moment."""
    path = kept_at()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"server": login.server, "token": login.token}, file)


def login_of() -> Login:
    """From the environment, else as kept. Raises Mistaken that says what to do."""
    server, token = os.environ.get("TOBAN_SERVER", ""), os.environ.get("TOBAN_TOKEN", "")
    if bool(server) != bool(token):
        raise Mistaken("half_a_login")
    if not server:
        try:
            found = json.loads(kept_at().read_text(encoding="utf-8"))
            server, token = str(found["server"]), str(found["token"])
        except (OSError, ValueError, KeyError, TypeError):
            raise Mistaken("no_login") from None
    return Login(checked(server), readable(token))


def checked(server: str) -> str:
    """The server's address; a token goes over TLS only, but to this very machine. Raises Mistaken."""
    try:
        parts = urllib.parse.urlsplit(server)
    except ValueError:
        raise Mistaken("no_tls", server) from None
    if parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    ):
        return server.rstrip("/")
    raise Mistaken("no_tls", server)


def readable(token: str) -> str:
    """A token as it may stand in a header. Raises Mistaken."""
    token = token.strip()
    if not (token.isascii() and token.isprintable() and token) or " " in token:
        raise Mistaken("no_token")
    return token


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is sent to the server that was named, and nowhere else."""

    def redirect_request(self, *_given: Any) -> None:
        return None


def over_http(method: str, address: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
    """The one place that talks to a network."""
    request = urllib.request.Request(address, data=body, headers=dict(headers), method=method)
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def go(given: argparse.Namespace, send: Send) -> None:
    """Do what was asked; `given.server` is the one that was spoken to. Raises what `main` tells."""
    if given.command != "login":
        login = login_of()
        given.server = login.server
        given.run(Toban(login, send, given.language), given)
        return
    server = checked(given.server)
    typed = getpass.getpass(SAID["token"][given.language]) if sys.stdin.isatty() else sys.stdin.readline()
    login = Login(server, readable(typed))
    tenant = Toban(login, send, given.language).tenant
    keep(login)
    say(f"{server} ({tenant})")


def why(wrong: BaseException, given: argparse.Namespace) -> str:
    """What went wrong and what to do, in the language that was chosen."""
    if isinstance(wrong, Mistaken):
        return wrong.said(given.language)
    if isinstance(wrong, EOFError):
        return SAID["no_answer_given"][given.language]
    if isinstance(wrong, Refused):
        return str(wrong)
    cause = getattr(wrong, "reason", wrong)
    return SAID["away"][given.language] % (given.server, str(cause) or type(cause).__name__)


def main(arguments: Sequence[str] | None = None, *, send: Send = over_http) -> int:
    given = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Japanese gets question marks sooner than nothing at all.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        go(given, send)
    except NoSuccess:
        return 4
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has enough; nothing more can be written, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Refused, Mistaken, EOFError, OSError, http.client.HTTPException) as wrong:
        say(*why(wrong, given).split("\n"), to=sys.stderr)
        return 1 if isinstance(wrong, Refused | Mistaken | EOFError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
