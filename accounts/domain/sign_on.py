"""Single sign-on by OpenID Connect: what a provider must say, how much its word proves, and whom it names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from medical_audit.domain.seats import LIFETIME

#: The kinds of operation by which whom a provider means ends.
SET: Final = "sign_on.set"
UNBIND: Final = "member.unbind"
#: Between the provider's clock and ours.
SKEW: Final = timedelta(seconds=60)
#: What a browser was sent away with is answered within this time.
ASKED_HOLDS: Final = timedelta(minutes=10)
#: So long after somebody signed on his tokens work on, where the provider is required: long enough for holidays, too short for who left.
WORD_HOLDS: Final = timedelta(days=14)
#: So long after two people decided it a person may be bound anew: long enough for holidays, too short for who never comes.
REBIND_HOLDS: Final = timedelta(days=14)
#: A word of a logout that is older says nothing of now.
LOGOUT_HOLDS: Final = timedelta(minutes=10)
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
URL_MAX: Final = 500
ID_MAX: Final = 200
#: OpenID Connect Core 1.0, section 2: `sub`.
SUBJECT_MAX: Final = 255
SECRET_MAX: Final = 500
DOMAINS_MAX: Final = 20
#: Signatures that only the provider can make; what a shared secret signs (HS256), and "none", are no signatures here.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


class Mode(StrEnum):
    """off: nobody comes in by the provider. offered: beside the password. required: the password lets in only the people who
    are named for emergencies."""

    OFF = "off"
    OFFERED = "offered"
    REQUIRED = "required"


class Replaces(StrEnum):
    """What a change of the provider makes of whom it was known to name: nothing, where another one of it vouches. An id (`sub`) may
    be another one for each client (pairwise, OpenID Connect Core 1.0, section 8)."""

    NOTHING = ""
    CLIENT = "client"
    ISSUER = "issuer"


def replaces(before: tuple[str, str] | None, after: tuple[str, str]) -> Replaces:
    """What another provider replaces, each as (issuer, client id); None: there was none."""
    if before is None or before == after:
        return Replaces.NOTHING
    return Replaces.CLIENT if before[0] == after[0] else Replaces.ISSUER


class Claim(StrEnum):
    """What a person who was invited is recognised by at his first sign-on; afterwards by the provider's own id (`sub`)."""

    EMAIL = "email"
    USERNAME = "preferred_username"


class NotFromProvider(ValueError):
    """What came back proves nobody: `code` says why; `username`: whom it named, kept apart because a person can be erased."""

    def __init__(self, code: str, detail: str = "", *, username: str = "") -> None:
        # A stranger chose it, and the ledger keeps it: what no text there holds (NUL, half a surrogate) is left out.
        self.code, self.detail = code, "".join(one for one in detail[:200] if one.isprintable())
        self.username = "".join(one for one in username[:200] if one.isprintable())
        super().__init__(f"{code}: {self.detail}" if self.detail else code)


class ProviderSilent(NotFromProvider):
    """The provider does not answer, or its keys cannot be had at this moment: that says nothing of who came or sent something."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider does what (OpenID Connect Discovery 1.0); `end_session`: "" where it offers none."""

    authorization: str
    token: str
    keys: str
    end_session: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a checked ID token says of a person. `auth_time`: when he proved himself to the provider, `sid`: how it names its own
    session, where it says so."""

    issuer: str
    subject: str
    email: str
    username: str
    amr: tuple[str, ...]
    acr: str
    auth_time: datetime | None
    client_id: str
    sid: str = ""

    @property
    def kept(self) -> dict[str, Any]:
        """What stands at the session and at confirmations."""
        at = self.auth_time.isoformat() if self.auth_time else ""
        kept = {"issuer": self.issuer, "amr": list(self.amr), "acr": self.acr, "auth_time": at}
        return kept | {"client_id": self.client_id} | ({"sid": self.sid} if self.sid else {})


#: RFC 8176, by what kind of thing it is that was shown.
_KNOWN: Final = frozenset({"pwd", "pin", "kba"})
_HELD: Final = frozenset({"otp", "hwk", "swk", "sms", "tel", "sc", "pop"})
_BODY: Final = frozenset({"face", "fpt", "iris", "retina", "vbm"})
#: Names for two factors that providers give to the class of an authentication.
_STRONG_ACR: Final = frozenset(
    {"https://refeds.org/profile/mfa", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}
)


def is_strong(amr: Sequence[str], acr: str) -> bool:
    """Whether the provider says that the person showed two factors; what it does not say, it did not ask for."""
    shown = set(amr)
    return (
        "mfa" in shown or acr in _STRONG_ACR or sum(bool(shown & one) for one in (_KNOWN, _HELD, _BODY)) >= 2
    )


def read_issuer(text: str, *, local: bool) -> str:
    """An issuer as it stands in its tokens. https only, but for this very machine where `local`. Raises ValueError."""
    text = text.strip()
    _check_url(text, local=local)
    if urlsplit(text).query:
        raise ValueError("an issuer has no query")
    return text


def read_endpoints(document: Mapping[str, Any], issuer: str, *, local: bool) -> Endpoints:
    """The endpoints of a discovery document that is this issuer's own. Raises NotFromProvider."""
    if document.get("issuer") != issuer:
        raise NotFromProvider("sign_on_other_issuer", str(document.get("issuer", "")))
    found: dict[str, str] = {}
    for name, key, needed in (
        ("authorization", "authorization_endpoint", True),
        ("token", "token_endpoint", True),
        ("keys", "jwks_uri", True),
        ("end_session", "end_session_endpoint", False),
    ):
        url = document.get(key) or ""
        if not url and not needed:
            continue
        try:
            _check_url(url, local=local)
            _refuse_inward(url, issuer)
        except (ValueError, TypeError, AttributeError) as bad:
            raise NotFromProvider("sign_on_bad_endpoint", key) from bad
        found[name] = url
    return Endpoints(**found)


def read_domains(text: str) -> list[str]:
    """Mail domains, separated by anything. Raises ValueError that names what is none."""
    found = list(dict.fromkeys(one.lower().lstrip("@") for one in re.split(r"[\s,、]+", text) if one))
    for one in found:
        if not _DOMAIN.fullmatch(one):
            raise ValueError(one)
    if len(found) > DOMAINS_MAX:
        raise ValueError(f"more than {DOMAINS_MAX}")
    return found


def name_of(said: Said, claim: str, domains: Sequence[str]) -> str:
    """The mail address or user name by which a person is looked for. Raises NotFromProvider."""
    given = (said.email if claim == Claim.EMAIL else said.username).strip().lower()
    local, _at, domain = given.rpartition("@")
    if not given:
        raise NotFromProvider("sign_on_nameless", claim)
    if domains and domain not in domains and (claim == Claim.EMAIL or local):
        raise NotFromProvider("sign_on_other_domain", domain)
    return local if claim == Claim.USERNAME and local and domains else given


def said_by(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    since: datetime | None = None,
) -> Said:
    """What the claims of a token whose signature is right say, if they are about this sign-on.

    `since`: the person must have proved himself after this moment. Raises NotFromProvider.
    """
    if claims.get("iss") != issuer:
        raise NotFromProvider("sign_on_other_issuer", str(claims.get("iss", "")))
    audience = claims.get("aud")
    names = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if client_id not in names or (
        (len(names) > 1 or "azp" in claims) and claims.get("azp", client_id) != client_id
    ):
        raise NotFromProvider("sign_on_not_for_us", str(audience))
    if len(names) > 1 and claims.get("azp") != client_id:
        raise NotFromProvider("sign_on_not_for_us", str(audience))
    if not nonce or claims.get("nonce") != nonce:
        raise NotFromProvider("sign_on_other_request")
    if _time(claims, "exp", needed=True) <= now - SKEW or _time(claims, "iat", needed=True) > now + SKEW:
        raise NotFromProvider("sign_on_expired")
    auth_time = _time(claims, "auth_time") if "auth_time" in claims else None
    if since is not None and (auth_time is None or auth_time < since - SKEW):
        raise NotFromProvider("sign_on_not_fresh")
    if auth_time is not None and auth_time > now + SKEW:
        raise NotFromProvider("sign_on_expired", "auth_time")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_MAX or not subject.isprintable():
        raise NotFromProvider("sign_on_nameless", "sub")
    amr = claims.get("amr", [])
    verified = claims.get("email_verified") is True
    return Said(
        issuer=issuer,
        subject=subject,
        email=_text(claims, "email") if verified else "",
        username=_text(claims, "preferred_username"),
        amr=tuple(str(one)[:40] for one in amr[:10] if str(one).isprintable())
        if isinstance(amr, list)
        else (),
        acr=_text(claims, "acr"),
        auth_time=auth_time,
        client_id=client_id,
        sid=_text(claims, "sid"),
    )


def is_new(auth_time: datetime | None, *, ended: datetime | None, now: datetime) -> bool | None:
    """Whether the person proved himself within a working day, and after his last session had `ended` (None: he never had one).

    The provider's own session may outlive ours at a terminal of many, and answers for whoever sits there then. None where it does
    not say when he proved himself, and it matters. No allowance for clocks: where the provider's is slow, who proves himself within
    these seconds after his session ended is refused, and comes in when he tries once more.
    """
    if auth_time is None:
        return True if ended is None else None
    return auth_time >= now - LIFETIME - SKEW and (ended is None or auth_time > ended)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a provider says has ended there: everything of a person (`subject`), one session (`sid`), or a session of a person.
    `at`: what began here later is meant by no such word, however often it comes."""

    subject: str
    sid: str
    at: datetime


def ended_by(claims: Mapping[str, Any], *, issuer: str, client_id: str, now: datetime) -> Ended:
    """What a logout token whose signature is right says (OpenID Connect Back-Channel Logout 1.0, 2.4). Raises NotFromProvider."""
    audience = claims.get("aud")
    names = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    events = claims.get("events")
    if claims.get("iss") != issuer:
        raise NotFromProvider("sign_on_other_issuer", str(claims.get("iss", "")))
    if client_id not in names:
        raise NotFromProvider("sign_on_not_for_us", str(audience))
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
        raise NotFromProvider("sign_on_no_logout")
    at = _time(claims, "iat", needed=True)
    if not now - LOGOUT_HOLDS - SKEW <= at <= now + SKEW or _time(claims, "exp", needed=True) <= now - SKEW:
        raise NotFromProvider("sign_on_expired")
    # As long as `said_by` takes one: cut short, it would be nobody's.
    subject, sid = _text(claims, "sub", SUBJECT_MAX), _text(claims, "sid")
    if not _text(claims, "jti") or not (subject or sid):
        raise NotFromProvider("sign_on_nameless", "jti, sub, sid")
    return Ended(subject, sid, at)


def _time(claims: Mapping[str, Any], name: str, *, needed: bool = False) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotFromProvider("sign_on_expired" if needed else "sign_on_not_fresh", name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as odd:
        raise NotFromProvider("sign_on_expired", name) from odd


def _text(claims: Mapping[str, Any], name: str, most: int = 254) -> str:
    value = claims.get(name, "")
    return value[:most] if isinstance(value, str) and value.isprintable() else ""


def _check_url(text: str, *, local: bool) -> None:
    parts = urlsplit(text)
    host, _port = parts.hostname or "", parts.port
    plain = not (parts.username or parts.password or parts.fragment)
    if not host or not plain or len(text) > URL_MAX or not text.isprintable() or " " in text:
        raise ValueError("no address")
    address = _address(host)
    if address is not None and (address.is_link_local or address.is_multicast or address.is_unspecified):
        raise ValueError("an address that answers with the secrets of a machine")
    here = host == "localhost" or (address is not None and address.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and local and here):
        raise ValueError("https only")


def _refuse_inward(url: str, issuer: str) -> None:
    """A provider does not send us to another machine of an inner network: a number there must be the issuer's own host."""
    host, own = urlsplit(url).hostname or "", urlsplit(issuer).hostname or ""
    address = _address(host)
    inward = host == "localhost" or (address is not None and not address.is_global)
    if inward and host != own:
        raise ValueError("an inner address")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
