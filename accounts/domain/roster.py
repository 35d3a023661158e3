"""A list of people from the personnel office, read and held against the members of a tenant. It decides nothing by itself."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from accounts.domain.mailboxes import is_mailbox

BYTES_MAX: Final = 2_000_000
ROWS_MAX: Final = 5000
#: What a column may be called, as people write it.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "username": ("username", "user name", "利用者名", "ユーザー名", "ログインid", "職員番号"),
    "name": ("name", "氏名", "名前"),
    "email": ("email", "mail", "メール", "メールアドレス"),
    "first": ("first day", "first", "入職日", "開始日"),
    "last": ("last day", "last", "退職日", "終了日"),
}
#: How personnel systems write that there is no last day.
NEVER: Final = 9999
NEEDED: Final = ("username", "name")
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
_DAY: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")


class Unreadable(ValueError):
    """The file as a whole: `code` says why."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code, self.params = code, params


@dataclass(frozen=True, slots=True)
class Listed:
    """One person in the file; `line` as an editor counts it."""

    line: int
    username: str
    name: str
    email: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out; `code` says what is wrong and so how to mend it, `text` what stands there, `username` whose it is."""

    line: int
    code: str
    text: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A member as the tenant knows him; `of_house`: staff, whom the file should know."""

    user_id: str
    username: str
    name: str
    of_house: bool = True
    email: str = ""
    first: date | None = None
    last: date | None = None


class What(StrEnum):
    """invite: in the file, no member. close: staff, not in the file or past his last day. change: days or address differ. name:
    only the name differs. unknown: no staff and not in the file, which it need not know."""

    INVITE = "invite"
    CLOSE = "close"
    CHANGE = "change"
    NAME = "name"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    what: What
    listed: Listed | None
    known: Known | None


def read_roster(data: bytes) -> tuple[list[Listed], list[BadRow]]:
    """The people of a CSV file in UTF-8 (with or without a mark) or Windows' Japanese (CP932). Raises Unreadable."""
    if len(data) > BYTES_MAX:
        raise Unreadable("roster_too_large", limit=BYTES_MAX)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932")
        except UnicodeDecodeError:
            raise Unreadable("roster_encoding") from None
    if "\0" in text:
        raise Unreadable("roster_encoding")
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        columns = _columns(next(rows, []))
        return _rows(rows, columns)
    except csv.Error as wrong:
        raise Unreadable("roster_no_csv") from wrong


def compare(
    listed: Iterable[Listed], known: Iterable[Known], today: date, *, unread: frozenset[str] = frozenset()
) -> list[Difference]:
    """Who differs, in the order in which one works it off; who is the same on both sides is left out.

    `unread`: user names whose rows could not be read: the list knows them, so nothing is said of them.
    """
    members = {one.username.lower(): one for one in known}
    found: list[Difference] = []
    seen = set()
    for person in listed:
        seen.add(person.username)
        member = members.get(person.username)
        gone = person.last is not None and person.last < today
        if member is None:
            if not gone:
                found.append(Difference(What.INVITE, person, None))
        elif gone:
            found.append(Difference(What.CLOSE, person, member))
        elif _differs(person, member):
            found.append(Difference(What.CHANGE, person, member))
        elif _plain(person.name) != _plain(member.name):
            found.append(Difference(What.NAME, person, member))
    for username, member in members.items():
        if username not in seen and username not in unread:
            found.append(Difference(What.CLOSE if member.of_house else What.UNKNOWN, None, member))
    order = list(What)
    return sorted(found, key=lambda one: order.index(one.what))


def _differs(person: Listed, member: Known) -> bool:
    """Only what the file says counts: an empty field there changes nothing here."""
    return any(
        (person.email and person.email != member.email.lower(), person.first and person.first != member.first,
         person.last and person.last != member.last)
    )  # fmt: skip


def _columns(head: Sequence[str]) -> dict[str, int]:
    called = [_plain(one).lower() for one in head]
    found = {
        field: called.index(name)
        for field, names in COLUMNS.items()
        for name in reversed(names)
        if name in called
    }
    if missing := [field for field in NEEDED if field not in found]:
        raise Unreadable("roster_columns", columns=" / ".join(COLUMNS[one][0] for one in missing))
    return found


def _rows(rows: Iterable[list[str]], columns: Mapping[str, int]) -> tuple[list[Listed], list[BadRow]]:
    read: list[Listed | BadRow] = []
    for line, row in enumerate(rows, start=2):
        if line > ROWS_MAX + 1:
            raise Unreadable("roster_too_long", limit=ROWS_MAX)
        if not any(cell.strip() for cell in row):
            continue
        cells = {field: row[at].strip() if at < len(row) else "" for field, at in columns.items()}
        read.append(_person(line, cells))
    if not read:
        raise Unreadable("roster_empty")
    told = Counter(one.username for one in read)
    each = [_alone(one, told[one.username]) for one in read]
    return [one for one in each if isinstance(one, Listed)], [one for one in each if isinstance(one, BadRow)]


def _alone(found: Listed | BadRow, times: int) -> Listed | BadRow:
    """Of who stands in the list twice (rehired: the old row has a last day that is over) no row counts: which one holds, only a
    person knows."""
    if isinstance(found, Listed) and times > 1:
        return BadRow(found.line, "roster_twice", found.username, found.username)
    return found


def _person(line: int, cells: Mapping[str, str]) -> Listed | BadRow:
    username = unicodedata.normalize("NFKC", cells["username"]).lower()
    if not _USERNAME.fullmatch(username):
        return BadRow(line, "bad_username", cells["username"][:60])
    if not 1 <= len(cells["name"]) <= 100 or not cells["name"].isprintable():
        return BadRow(line, "bad_person_name", cells["name"][:60], username)
    email = cells.get("email", "").lower()
    if email and not is_mailbox(email):
        return BadRow(line, "bad_mail", email[:60], username)
    days: dict[str, date | None] = {}
    for field in ("first", "last"):
        text = cells.get(field, "")
        try:
            days[field] = read_day(text)
        except ValueError:
            return BadRow(line, "roster_bad_day", text[:60], username)
    return Listed(line, username, cells["name"], email, days["first"], days["last"])


def read_day(text: str) -> date | None:
    """A day as 2026-11-30 or 2026/11/30, in any width of digits; "" and every day of the year 9999 are none. Raises ValueError."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return None
    found = _DAY.fullmatch(plain)
    if not found:
        raise ValueError(text)
    day = date(*map(int, found.groups()))
    return None if day.year == NEVER else day


def _plain(text: str) -> str:
    """Without what two systems write differently: width of letters, spaces between names."""
    return "".join(unicodedata.normalize("NFKC", text).split())
