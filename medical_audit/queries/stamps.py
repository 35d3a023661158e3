"""Time stamps of seals, as they are kept and as they hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate
from django.db import connection

from medical_audit.anchors.timestamps import check_stamp, check_time
from medical_audit.domain.anchoring import AnchorDoubt
from medical_audit.queries import seals
from medical_audit.queries.verification import Damage

PAGE = 500


@dataclass(frozen=True, slots=True)
class KeptStamp:
    number: int
    at: datetime
    authority: str
    token: bytes


@dataclass(frozen=True, slots=True)
class Stamps:
    """`number`, `at`: of the newest one, by the authority's clock (0: none); `problem`: why none of them was checked."""

    count: int
    number: int
    at: datetime | None
    damage: Damage | None
    problem: str = ""


def stamps_after(number: int) -> Iterator[KeptStamp]:
    """Those of seals behind this one, in order."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, at, authority, token FROM ledger.stamp WHERE number > %s ORDER BY number LIMIT %s",
                [number, PAGE],
            )
            rows = cursor.fetchall()
        for row in rows:
            yield KeptStamp(row[0], row[1], row[2], bytes(row[3]))
        if len(rows) < PAGE:
            return
        number = rows[-1][0]


def newest_stamp() -> KeptStamp | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, at, authority, token FROM ledger.stamp ORDER BY number DESC LIMIT 1")
        row = cursor.fetchone()
    return KeptStamp(row[0], row[1], row[2], bytes(row[3])) if row else None


def verify_stamps(roots: Sequence[Certificate], problem: str = "") -> Stamps:
    """Every stamp against its seal and the authority's root. Without roots (`problem` says why) nothing is said of them."""
    count, newest, damage = 0, None, None
    for one in stamps_after(0):
        count, newest = count + 1, one
        if roots and damage is None:
            damage = _wrong(one, roots)
    if not newest:
        return Stamps(0, 0, None, None)
    if not roots and not problem:
        problem = "TOBAN_TSA_CA_FILE names no root certificate"
    return Stamps(count, newest.number, newest.at, damage, problem)


def _wrong(one: KeptStamp, roots: Sequence[Certificate]) -> Damage | None:
    sealed = seals.checkpoint(one.number)
    if sealed is None:
        return Damage("stamp_broken", one.number)
    try:
        at = check_stamp(one.token, sealed.note, roots)
    except AnchorDoubt:
        return Damage("stamp_broken", one.number)
    try:
        check_time(at, sealed.at, one.authority)
    except AnchorDoubt:
        return Damage("stamp_differs", one.number)
    return None
