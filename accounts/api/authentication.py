"""Who calls the API: the person of a token, or somebody signed in at his browser."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request


class TokenAuthentication(BaseAuthentication):
    """What the middleware found out about `Authorization: Bearer ...`; without that header others are asked."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        asked: Any = request._request
        if asked.token_refused:
            raise AuthenticationFailed(code=asked.token_refused)
        return None if asked.token is None else (asked.user, asked.token)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="toban"'


class TokenScheme(OpenApiAuthenticationExtension):
    """How the API's description names it."""

    target_class = "accounts.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token made in Toban: `toban_…`."}
