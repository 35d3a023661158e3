"""Founding a tenant with the two people without whom nothing could be confirmed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from accounts.domain.permissions import Role
from accounts.models import Tenant, User
from accounts.operations.members import NAME_MAX, check_person
from accounts.operations.people import found_tenant, grant_first, make_user
from accounts.operations.signing import refuse_weak
from accounts.queries.terms import is_ones_own
from medical_audit.domain.errors import Refused

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class First:
    """One of the first people; `name` and `password` are asked of somebody who has no account yet."""

    username: str
    name: str
    password: str


def is_known(username: str) -> bool:
    """Whether somebody has an account of this name."""
    return _known(username) is not None


def found(
    slug: str, name: str, colour: str, administrator: First, approver: First, *, founder: str, now: datetime
) -> Tenant:
    """The tenant, its administrator and its approver, or nothing at all. `founder` stands in the tenant's own ledger.

    Raises Refused: bad_slug, bad_tenant_name, bad_colour, bad_founder, slug_taken, same_person, bad_username, bad_person_name,
    account_closed, not_ones_own, weak_password, breached_list_unreadable.
    """
    if not _SLUG.fullmatch(slug):
        raise Refused("bad_slug")
    for text, code in ((name, "bad_tenant_name"), (founder, "bad_founder")):
        if not 1 <= len(text.strip()) <= NAME_MAX or not text.isprintable():
            raise Refused(code)
    if not _COLOUR.fullmatch(colour):
        raise Refused("bad_colour")
    with transaction.atomic():
        try:
            with transaction.atomic():
                tenant = found_tenant(slug, name.strip(), colour=colour, now=now, founder=founder)
        except IntegrityError as taken:
            raise Refused("slug_taken", name=slug) from taken
        people: list[User] = []
        for one, role in ((administrator, Role.ADMINISTRATOR), (approver, Role.APPROVER)):
            people.append(_belonging(one, tenant, role, founder, now))
        # Names that are written differently can be one account's: letters have several cases.
        if people[0].id == people[1].id:
            raise Refused("same_person")
    return tenant


def _belonging(one: First, tenant: Tenant, role: Role, founder: str, now: datetime) -> User:
    """The person with his role; the password of somebody new is judged last, for the tenant's own names are none."""
    user = _known(one.username.strip())
    if user is not None and not user.is_active:
        raise Refused("account_closed", name=user.name)
    if user is not None and not is_ones_own(user):
        raise Refused("not_ones_own", name=user.name)
    is_new = user is None
    user = user or make_user(*check_person(one.username, one.name), one.password, now=now, founder=founder)
    grant_first(tenant.id, user, role, now=now, founder=founder)
    if is_new:
        refuse_weak(one.password, user)
    return user


def _known(username: str) -> User | None:
    return User.objects.filter(username__iexact=username).first()
