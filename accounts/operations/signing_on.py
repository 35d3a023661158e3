"""Signing on by a tenant's identity provider: sent away with a question, come back with an answer to it, recognised."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import identity
from accounts.domain.sign_on import (
    ASKED_HOLDS,
    Claim,
    NotFromProvider,
    ProviderSilent,
    Said,
    is_new,
    is_strong,
    name_of,
)
from accounts.models import Membership, MemberTerms, SignOnLink, SignOnProvider, User
from accounts.operations import guarding, second_factor
from accounts.operations.links import void_links
from accounts.operations.sign_on import FIELD
from accounts.queries.people import person_without_tenant
from accounts.queries.sign_on import (
    last_end,
    live_links,
    opened_anew,
    provider_at_the_door,
    was_somebody_elses,
)
from accounts.queries.terms import outside
from medical_audit import sealing
from medical_audit.domain.actor import NO_TENANT, Actor, ActorType, Subject
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.seats import LIFETIME, Origin
from medical_audit.operations import seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: Why somebody is sent to the provider: to come in, or to prove once more that it is he.
ENTER: Final = "enter"
AGAIN: Final = "again"
SCOPE: Final = "openid email profile"


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the browser goes, and what it must be held against when it comes back (kept in its session, used once)."""

    url: str
    asked: dict[str, str]


class AskAnew(Exception):
    """The provider's word is older than the end of the person's last session, or than a working day: its own session may be one
    that he left open. It is asked to let him prove himself now."""


#: The provider vouches for somebody, but not that he sits there now.
OLD_WORD: Final = ("sign_on_not_anew", "sign_on_undated")


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Whom the provider named, and how. `hint`: its token, sealed, for ending its session too; `dated`: it says when he proved
    himself, or that does not matter. A word that could be an old one is worth no second factor."""

    user: User
    said: Said
    hint: str
    dated: bool = True

    @property
    def factors(self) -> tuple[str, ...]:
        return ("sso", "mfa") if self.dated and is_strong(self.said.amr, self.said.acr) else ("sso",)


def send(
    tenant_id: UUID,
    back: str,
    goal: str,
    *,
    purpose: str,
    person: str = "",
    anew: bool = False,
    now: datetime,
) -> Sent:
    """A question to the tenant's provider; `back`: our address for its answer, `person`: who has to be the one that answers,
    `anew`: he proves himself there now, whatever session it has of him (AGAIN always does).

    Raises NotFound, alike for no tenant, no provider and one that is switched off.
    """
    row = _provider(tenant_id)
    verifier = secrets.token_urlsafe(64)
    asked = {
        "tenant": str(tenant_id), "purpose": purpose, "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32), "verifier": verifier, "at": now.isoformat(), "next": goal, "person": person,
        "issuer": row.issuer, "client_id": row.client_id, "anew": "yes" if anew else "",
    }  # fmt: skip
    digest = hashlib.sha256(verifier.encode()).digest()
    question = {
        "response_type": "code", "client_id": row.client_id, "redirect_uri": back, "scope": SCOPE,
        "state": asked["state"], "nonce": asked["nonce"], "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "max_age": str(int(LIFETIME.total_seconds())),
    }  # fmt: skip
    if anew or purpose == AGAIN:
        question |= {"prompt": "login", "max_age": "0"}
    return Sent(_with(row.places().authorization, question), asked)


def come_back(
    tenant_id: UUID,
    asked: Mapping[str, str] | None,
    answer: Mapping[str, str],
    back: str,
    *,
    now: datetime,
    origin: Origin,
    browser: str,
) -> SignedOn:
    """Whom the provider's answer proves. What is wrong is recorded in the tenant's ledger and raises Refused.

    `asked`: what this browser was sent away with, taken out of its session by the caller; `browser`: that session's name. What a
    browser brings that asked nothing is nobody's sign-in: it is refused, and neither counted nor recorded, or any page could shut the
    door of a whole house that has one address. Raises NotFound, Refused (also too_many_tries, by browser), AskAnew.
    """
    row, key, own = _provider(tenant_id), f"sign-on:{tenant_id}", guarding.own_session(browser)
    if asked is None:
        raise Refused("sign_on_not_asked")
    wait = guarding.wait_of(None, key, origin.address, now=now, own=own)
    if wait:
        raise Refused("too_many_tries", seconds=int(wait.total_seconds()) + 1)
    try:
        return _come_back(row, asked, answer, back, now, origin)
    except NotFromProvider as wrong:
        actor = Actor(tenant_id, ActorType.USER, "", row.name, address=origin.address, request=origin.request)
        detail: dict[str, object] = {
            "method": "sso", "code": wrong.code, "detail": wrong.detail, "address": origin.address, "device": origin.device,
        }  # fmt: skip
        detail |= {"username": wrong.username} if wrong.username else {}
        with tenant_scope(tenant_id):
            subject = Subject("user", "", row.name)
            record("session.failed", actor=actor, subject=subject, now=now, outcome="failed", detail=detail)
        # A provider that is down, or that named him by an old word, is nobody's guess: behind this address a whole house may wait.
        if not isinstance(wrong, ProviderSilent) and wrong.code not in OLD_WORD:
            guarding.failed(None, key, actor=replace(actor, tenant_id=NO_TENANT), now=now, own=own)
        raise Refused(wrong.code) from wrong


def proved_again(user: User, signed: SignedOn, *, actor: Actor, now: datetime) -> None:
    """The person of a session went to the provider and proved himself once more; it counts for one confirmation.

    Raises Refused (sign_on_somebody_else, sign_on_not_fresh).
    """
    if signed.user.id != user.id or actor.id != str(user.id):
        raise Refused("sign_on_somebody_else")
    claims = signed.said.kept | {"strong": "mfa" in signed.factors}
    if not seats.provider_proved(actor.session, claims, actor=actor, now=now):
        raise Refused("sign_on_not_fresh")


def way_out(tenant_id: UUID, hint: str, home: str) -> str:
    """Where the provider's own session is ended, if it offers that; "" otherwise."""
    row = provider_at_the_door(tenant_id)
    place = row.places().end_session if row else ""
    if not row or not place:
        return ""
    question = {"client_id": row.client_id, "post_logout_redirect_uri": home}
    with contextlib.suppress(sealing.Unsealable):
        question["id_token_hint"] = sealing.unseal(hint, tenant_id=tenant_id, field=FIELD)
    return _with(place, question)


def _come_back(
    row: SignOnProvider,
    asked: Mapping[str, str],
    answer: Mapping[str, str],
    back: str,
    now: datetime,
    origin: Origin,
) -> SignedOn:
    if asked["tenant"] != str(row.tenant_id):
        raise NotFromProvider("sign_on_not_asked")
    if (asked.get("issuer"), asked.get("client_id")) != (row.issuer, row.client_id):
        raise NotFromProvider("sign_on_not_asked")  # what one provider was asked is answered by no other
    if not secrets.compare_digest(asked["state"].encode(), answer.get("state", "").encode()):
        raise NotFromProvider("sign_on_not_asked")
    at = datetime.fromisoformat(asked["at"])
    if not at <= now <= at + ASKED_HOLDS:
        raise NotFromProvider("sign_on_too_late")
    if answer.get("iss", row.issuer) != row.issuer:
        raise NotFromProvider("sign_on_other_issuer", answer["iss"][:200])
    code = answer.get("code", "")
    if not code or len(code) > 4000 or "error" in answer:
        raise NotFromProvider("sign_on_declined", answer.get("error", "")[:60])
    secret = sealing.unseal(row.sealed, tenant_id=row.tenant_id, field=FIELD)
    client = identity.Client(row.issuer, row.client_id, secret, row.places())
    since = at if asked["purpose"] == AGAIN else None
    said, token = identity.redeem(
        client,
        code,
        verifier=asked["verifier"],
        redirect_uri=back,
        nonce=asked["nonce"],
        now=now,
        since=since,
    )
    user, dated = _recognised(row, said, asked, now, origin)
    return SignedOn(user, said, sealing.seal(token, tenant_id=row.tenant_id, field=FIELD), dated)


def _judged(user: User, said: Said, asked: Mapping[str, str], now: datetime) -> bool:
    """Whether the provider says when this person proved himself, where that matters, and it is not before his last session ended.

    Decided for the person, from what Toban recorded: a mark in the browser would be gone once somebody clears it. Raises AskAnew,
    NotFromProvider.
    """
    if asked["purpose"] == AGAIN:
        return True
    new = is_new(said.auth_time, ended=last_end(user.id, now=now), now=now)
    if new is None and not second_factor.is_enrolled(user.id):
        raise NotFromProvider("sign_on_undated", username=user.username)
    if new is False and not asked["anew"]:
        raise AskAnew
    if new is False:
        raise NotFromProvider("sign_on_not_anew", username=user.username)
    return bool(new)


def _recognised(
    row: SignOnProvider, said: Said, asked: Mapping[str, str], now: datetime, origin: Origin
) -> tuple[User, bool]:
    """The member whom the provider means, and as `_judged` says; nobody becomes one by signing on. Raises NotFromProvider, AskAnew."""
    with tenant_scope(row.tenant_id):
        links = live_links().filter(issuer=said.issuer, subject=said.subject)
        link: SignOnLink | None = links.select_related("user").first()
        if link is not None:
            user = _member(link.user)
            dated = _judged(user, said, asked, now)
            SignOnLink.objects.filter(id=link.id).update(used_at=now)
            return user, dated
        wanted = name_of(said, row.claim, row.domains)
        people = User.objects.filter(id__in=Membership.objects.values("user_id"), is_active=True)
        if row.claim == Claim.EMAIL:
            people = people.filter(id__in=MemberTerms.objects.filter(email__iexact=wanted).values("user_id"))
        else:
            people = people.filter(username__iexact=wanted)
        found = list(people[:2])
        if len(found) != 1:
            raise NotFromProvider("sign_on_unknown_person", username=wanted)
        user = _member(found[0])
        _refuse_given_anew(user, said, wanted, now)
        dated = _judged(user, said, asked, now)
        link = SignOnLink(
            tenant_id=row.tenant_id, user=user, issuer=said.issuer, subject=said.subject, made_at=now, used_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                link.save(force_insert=True)
        except IntegrityError:
            # The name is somebody's whom the provider knows by another id: it was given to a second person.
            raise NotFromProvider("sign_on_name_given_anew", username=wanted) from None
        # He has come: the link that was to bring him in would let in whoever holds it.
        void_links(user, now)
        person = person_without_tenant(
            user, user.name, session="", address=origin.address, request=origin.request
        )
        actor = Actor(
            row.tenant_id,
            ActorType.USER,
            person.id,
            person.name,
            address=person.address,
            request=person.request,
        )
        detail: dict[str, object] = {"issuer": said.issuer, "username": wanted}
        record(
            "user.sign_on_bound",
            actor=actor,
            subject=Subject("user", str(user.id), user.name),
            now=now,
            detail=detail,
        )
    return user, dated


def _refuse_given_anew(user: User, said: Said, wanted: str, now: datetime) -> None:
    """Whom the provider has named before is bound anew only for some days after two people decided it; that its client was changed
    lets no id of it pass from one person to another. Raises NotFromProvider."""
    if opened_anew(user.id, alone=True, now=now):
        return
    before = SignOnLink.objects.filter(user=user, issuer=said.issuer)
    closed = before.exists() and not opened_anew(user.id, alone=False, now=now)
    if closed or was_somebody_elses(said.issuer, said.subject, user.id):
        raise NotFromProvider("sign_on_name_given_anew", username=wanted)


def _member(user: User) -> User:
    here = Membership.objects.filter(user=user).exclude(user_id__in=outside().values("user_id"))
    if not user.is_active or not here.exists():
        raise NotFromProvider("sign_on_unknown_person", username=user.username)
    return user


def _provider(tenant_id: UUID) -> SignOnProvider:
    row = provider_at_the_door(tenant_id)
    if row is None:
        raise NotFound(type="sign_on")
    return row


def _with(url: str, more: Mapping[str, Any]) -> str:
    """An address with more in its query than it had."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return urlunsplit(parts._replace(query=query))
