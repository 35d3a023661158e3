"""A personnel list held against the members: looking at it is recorded and changes nothing; what is chosen becomes operations."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Permission, Role
from accounts.domain.roster import (
    BadRow,
    Difference,
    Known,
    Listed,
    Unreadable,
    What,
    compare,
    read_day,
    read_roster,
)
from accounts.domain.terms import USUAL, AccountKind, Terms
from accounts.models import Membership, MemberTerms, Tenant, User
from accounts.operations import members, terms
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.models import Operation
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: At once; more than this is a mistake in the file sooner than a working day.
CHOSEN_MAX = 200


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`same`: how many people are the same on both sides; of whose row cannot be read that is not known."""

    differences: Sequence[Difference]
    bad: Sequence[BadRow]
    same: int
    digest: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """One difference that somebody ticked, as the page sent it back; every operation checks it anew."""

    what: str
    username: str
    name: str = ""
    email: str = ""
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """`links`: of invitations, by name, shown once; `refused`: name and code of what could not be entered."""

    operations: Sequence[Operation]
    links: Sequence[tuple[str, str]]
    refused: Sequence[tuple[str, str]]


def reconcile(data: bytes, *, actor: Actor, now: datetime) -> Reconciled:
    """What the file says otherwise than the tenant; that it was held against it is recorded. Changes nothing.

    Raises NotPermitted, Refused (roster_...).
    """
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    try:
        listed, bad = read_roster(data)
    except Unreadable as wrong:
        raise Refused(wrong.code, **wrong.params) from wrong
    with tenant_scope(actor.tenant_id):
        zone = _zone(actor)
        known = _known(zone)
        unread = frozenset(one.username for one in bad)
        differences = compare(listed, known, now.astimezone(zone).date(), unread=unread)
        counts = Counter(str(one.what) for one in differences)
        digest = hashlib.sha256(data).hexdigest()
        detail: dict[str, object] = {
            "sha256": digest, "people": len(listed), "bad_rows": len(bad), "differences": dict(sorted(counts.items())),
        }  # fmt: skip
        subject = Subject("tenant", str(actor.tenant_id), "")
        record("member.reconciled", actor=actor, subject=subject, now=now, detail=detail)
    touched = {one.known.user_id for one in differences if one.known}
    same = sum(one.user_id not in touched and one.username.lower() not in unread for one in known)
    return Reconciled(differences, bad, same, digest)


def enter_chosen(chosen: Sequence[Chosen], role: str, *, actor: Actor, now: datetime, reason: str) -> Entered:
    """Enter an operation for each; another person confirms each. One that is refused keeps none of the others back.

    `role`: of everybody who is invited. Raises NotPermitted, Refused (nothing_chosen, too_many_chosen, bad_role).
    """
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    if not chosen:
        raise Refused("nothing_chosen")
    if len(chosen) > CHOSEN_MAX:
        raise Refused("too_many_chosen", limit=CHOSEN_MAX)
    if role not in set(Role):
        raise Refused("bad_role")
    operations: list[Operation] = []
    links: list[tuple[str, str]] = []
    refused: list[tuple[str, str]] = []
    for one in chosen:
        try:
            operation, link = _enter(one, role, actor, now, reason)
        except (Refused, NotFound, NotPermitted) as wrong:
            refused.append((one.name or one.username, wrong.code))
            continue
        operations.append(operation)
        links += [(one.name, link)] if link else []
    return Entered(operations, links, refused)


def _enter(one: Chosen, role: str, actor: Actor, now: datetime, reason: str) -> tuple[Operation, str]:
    first, last = _days(one)
    if one.what == What.INVITE:
        made = members.enter_invite(
            one.username,
            one.name,
            role,
            one.email,
            first=first,
            last=last,
            actor=actor,
            now=now,
            reason=reason,
        )
        return made.operation, made.link
    with tenant_scope(actor.tenant_id):
        ids = Membership.objects.values("user_id")
        user = User.objects.filter(username__iexact=one.username, id__in=ids).first()
    if user is None:
        raise NotFound(type="user")
    if one.what == What.CLOSE:
        return members.enter_close(user.id, actor=actor, now=now, reason=reason), ""
    if one.what != What.CHANGE:
        raise Refused("bad_parameter", name="what", allowed="invite, close, change")
    changed = _changed(one, first, last, user.id, actor)
    return terms.enter_terms(user.id, changed, actor=actor, now=now, reason=reason), ""


def _days(one: Chosen) -> tuple[date | None, date | None]:
    try:
        return read_day(one.first), read_day(one.last)
    except ValueError:
        raise Refused("roster_bad_day") from None


def _changed(one: Chosen, first: date | None, last: date | None, user_id: UUID, actor: Actor) -> Terms:
    """What holds now, with what the file says otherwise."""
    with tenant_scope(actor.tenant_id):
        held = MemberTerms.objects.filter(user_id=user_id).first()
        zone = _zone(actor)
    before = _known_of(user_id, one.username, one.name, held, zone)
    return Terms(
        kind=held.kind if held else USUAL.kind, first=first or before.first, last=last or before.last,
        email=one.email or before.email, company=held.company if held else "", holder=held.holder_id if held else "",
    )  # fmt: skip


def _known(zone: ZoneInfo) -> list[Known]:
    people = User.objects.filter(id__in=Membership.objects.values("user_id"), is_active=True)
    held = {row.user_id: row for row in MemberTerms.objects.all()}
    return [
        _known_of(one.id, one.username, one.name, held.get(one.id), zone) for one in people.order_by("name")
    ]


def _known_of(user_id: UUID, username: str, name: str, held: MemberTerms | None, zone: ZoneInfo) -> Known:
    if held is None:
        return Known(str(user_id), username, name)
    first = held.begins_at.astimezone(zone).date() if held.begins_at else None
    last = held.ends_at.astimezone(zone).date() - timedelta(days=1) if held.ends_at else None
    return Known(str(user_id), username, name, held.kind == AccountKind.STAFF, held.email, first, last)


def _zone(actor: Actor) -> ZoneInfo:
    return ZoneInfo(Tenant.objects.values_list("time_zone", flat=True).get(id=actor.tenant_id))


def listed_of(difference: Difference) -> Chosen:
    """A difference as a page sends it back."""
    person, known = difference.listed or Listed(0, "", ""), difference.known
    return Chosen(
        str(difference.what), known.username if known else person.username, person.name or (known.name if known else ""),
        person.email, person.first.isoformat() if person.first else "", person.last.isoformat() if person.last else "",
    )  # fmt: skip
