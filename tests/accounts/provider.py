"""A small OpenID Connect provider over HTTP, with keys and signatures of its own, which can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "toban-client", "client-secret-4711"


@dataclass
class Provider:
    """`says`: claims on top of the honest ones, None leaves one out; `forge` signs otherwise: none, other_key, shared_secret."""

    issuer: str = ""
    client: str = CLIENT
    key: RSAKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
    )
    says: dict[str, Any] = field(default_factory=dict)
    forge: str = ""
    answer: str = ""
    #: Codes given and not redeemed yet, with the question that each answers.
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    #: When somebody proved himself here last: each time is a later one, in whole seconds.
    proved: int = 0

    def sign_in(self, url: str) -> str:
        """A person at his browser follows our address and proves himself: gives where he is sent back to."""
        question = dict(parse_qsl(urlsplit(url).query))
        self.asked.append(question)
        assert question["response_type"] == "code"
        assert question["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = question
        return f"{question['redirect_uri']}?{urlencode({'code': code, 'state': question['state'], 'iss': self.issuer})}"

    def token(self, question: dict[str, str]) -> str:
        now = int(time.time())
        self.proved = max(now, self.proved) + 1
        claims = {
            "iss": self.issuer, "aud": question["client_id"], "sub": "sub-1", "nonce": question["nonce"], "iat": now,
            "exp": now + 300, "auth_time": self.proved, "amr": ["pwd"], "email_verified": True,
        }  # fmt: skip
        return self.signed(claims | self.says)

    def logout_token(self, **says: Any) -> str:
        """The word that a session of `sub-1` ended here; `says` as above."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.client, "iat": now, "exp": now + 120, "jti": secrets.token_urlsafe(8), "sub": "sub-1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }  # fmt: skip
        return self.signed(claims | says)

    def signed(self, given: dict[str, Any]) -> str:
        claims = {name: value for name, value in given.items() if value is not None}
        if self.forge == "none":
            parts = ({"alg": "none"}, claims)
            return (
                ".".join(
                    base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts
                )
                + "."
            )
        if self.forge == "other_key":
            stranger = RSAKey.generate_key(2048, {"kid": "k1"})
            return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, stranger)
        if self.forge == "shared_secret":
            public = json.dumps(self.key.as_dict(private=False))
            return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(public))
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)

    def redeem(self, form: dict[str, str], credentials: str) -> dict[str, Any] | None:
        """As a provider must: the client's secret, a code once, and the verifier that belongs to its question."""
        question = self.codes.pop(form.get("code", ""), None)
        given = base64.b64decode(credentials.removeprefix("Basic ")).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if question is None or given != f"{self.client}:{SECRET}" or challenge != question["code_challenge"]:
            return None
        if form["redirect_uri"] != question["redirect_uri"]:
            return None
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token(question)}


@contextmanager
def running() -> Iterator[Provider]:
    """A provider that answers at an address of this machine."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = provider.issuer
            if self.path.endswith("/.well-known/openid-configuration"):
                self._say({
                    "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/keys", "end_session_endpoint": f"{base}/out",
                })  # fmt: skip
            elif self.path.startswith("/authorize?"):
                self.send_response(302)
                self.send_header("Location", provider.sign_in(base + self.path))
                self.end_headers()
            elif self.path == "/keys" and provider.answer == "moved":
                self.send_response(302)
                self.send_header("Location", f"{base}/elsewhere")
                self.end_headers()
            elif self.path == "/keys" and provider.answer == "endless":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 2_000_000)
            elif self.path in ("/keys", "/elsewhere"):
                self._say({"keys": [provider.key.as_dict(private=False)]})
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            found = provider.redeem(form, self.headers.get("Authorization", ""))
            self._say(found or {"error": "invalid_grant"}, 200 if found else 400)

        def _say(self, found: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
