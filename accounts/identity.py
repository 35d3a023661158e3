"""The gateway to identity providers (OpenID Connect): their discovery document, their keys, and a code against an ID token.

Each answer is bounded in time and bytes, redirects are not followed, and neither proxies nor .netrc of the environment
are looked at. Keys are fetched for each sign-on: what a provider took back this morning opens nothing at noon.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from accounts.deadline import Adapter, deadline
from accounts.domain.sign_on import (
    ALGORITHMS,
    Ended,
    Endpoints,
    NotFromProvider,
    ProviderSilent,
    Said,
    ended_by,
    read_endpoints,
    said_by,
)

SECONDS_MAX = 6.0
CONNECT_S = 3.05
BYTES_MAX = 512_000
TOKEN_MAX = 20_000
KEYS_MAX = 50
_OK = 200


@dataclass(frozen=True, slots=True)
class Client:
    """Toban as one provider knows it."""

    issuer: str
    client_id: str
    secret: str
    endpoints: Endpoints


def discover(issuer: str) -> Endpoints:
    """What the issuer says of itself under /.well-known/openid-configuration. Raises NotFromProvider."""
    document = _json(_ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", issuer))
    return read_endpoints(document, issuer, local=settings.LOCAL)


def redeem(
    client: Client,
    code: str,
    *,
    verifier: str,
    redirect_uri: str,
    nonce: str,
    now: datetime,
    since: datetime | None = None,
) -> tuple[Said, str]:
    """What the provider says of the person for whom it gave this code, and the ID token in which it says it.

    `verifier`: the secret of this very sign-on (RFC 7636); `since`: he must have proved himself after that. Raises
    NotFromProvider.
    """
    answer = _ask(
        "POST",
        client.endpoints.token,
        client.issuer,
        data={
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier,
            "client_id": client.client_id,
        },
        auth=(client.client_id, client.secret),
    )  # fmt: skip
    token = _json(answer).get("id_token")
    if not isinstance(token, str) or not token or len(token) > TOKEN_MAX:
        raise NotFromProvider("sign_on_no_token")
    claims = _verified(token, _keys(client))
    said = said_by(
        claims, issuer=client.issuer, client_id=client.client_id, nonce=nonce, now=now, since=since
    )
    return said, token


def logout(client: Client, token: str, *, now: datetime) -> Ended:
    """What the provider says has ended there, by a token that it sent itself. Raises NotFromProvider, ProviderSilent.

    What is plainly not its own is refused before its keys are asked for: anybody can send something here.
    """
    if not token or len(token) > TOKEN_MAX:
        raise NotFromProvider("sign_on_no_token")
    ended_by(_unverified(token), issuer=client.issuer, client_id=client.client_id, now=now)
    claims = _verified(token, _keys(client))
    return ended_by(claims, issuer=client.issuer, client_id=client.client_id, now=now)


def _unverified(token: str) -> dict[str, Any]:
    try:
        part = token.split(".")[1]
        return _json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError) as odd:
        raise NotFromProvider("sign_on_bad_signature", type(odd).__name__) from odd


def _keys(client: Client) -> list[Any]:
    """What the provider publishes now. Raises ProviderSilent."""
    try:
        listed = _json(_ask("GET", client.endpoints.keys, client.issuer)).get("keys")
    except NotFromProvider as silent:
        raise ProviderSilent(silent.code, silent.detail) from silent
    if not isinstance(listed, list) or not 1 <= len(listed) <= KEYS_MAX:
        raise ProviderSilent("sign_on_bad_keys")
    return listed


def _verified(token: str, listed: Sequence[Any]) -> dict[str, Any]:
    """The claims of a token that one of these keys signed with an algorithm that only the provider can sign with."""
    usable = [
        one
        for one in listed
        if isinstance(one, dict) and one.get("kty") != "oct" and one.get("use", "sig") == "sig"
    ]
    try:
        opened = jwt.decode(token, KeySet.import_key_set({"keys": usable}), algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as wrong:
        raise NotFromProvider("sign_on_bad_signature", type(wrong).__name__) from wrong
    return dict(opened.claims)


def _ask(method: str, url: str, issuer: str, **more: Any) -> bytes:
    _refuse_inward(url, issuer)
    session = requests.Session()
    session.trust_env = False
    session.verify = settings.CA_BUNDLE or True
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    try:
        with session, deadline(SECONDS_MAX) as watch:
            answer = session.request(
                method, url, timeout=(CONNECT_S, SECONDS_MAX), allow_redirects=False, stream=True,
                headers={"Accept": "application/json"}, **more,
            )  # fmt: skip
            body = _bounded(answer)
    except requests.RequestException as error:
        raise ProviderSilent("sign_on_unreachable", type(error).__name__) from error
    if watch.over:
        raise ProviderSilent("sign_on_unreachable", "deadline")
    if answer.status_code != _OK:
        raise NotFromProvider("sign_on_refused", f"HTTP {answer.status_code}")
    return body


def _bounded(answer: requests.Response) -> bytes:
    parts, length = [], 0
    for part in answer.iter_content(65536):
        parts.append(part)
        length += len(part)
        if length > BYTES_MAX:
            raise NotFromProvider("sign_on_refused", f"more than {BYTES_MAX} bytes")
    return b"".join(parts)


def _refuse_inward(url: str, issuer: str) -> None:
    """Another host than the issuer's own is asked only at public addresses. Raises NotFromProvider."""
    host, own = urlsplit(url).hostname or "", urlsplit(issuer).hostname or ""
    if host == own:
        return
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # no name at all: a label too long, or empty
        raise NotFromProvider("sign_on_unreachable", type(error).__name__) from error
    if not all(ip_address(str(one[4][0]).partition("%")[0]).is_global for one in found):
        raise NotFromProvider("sign_on_bad_endpoint", host)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotFromProvider("sign_on_refused", "no JSON") from error
    if not isinstance(found, dict):
        raise NotFromProvider("sign_on_refused", "no JSON object")
    return found
