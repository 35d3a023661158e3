"""API tokens over the API: listed and ended; made by their person on a page only, with his password."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.models import ApiToken
from accounts.operations import ending_tokens
from accounts.queries.tokens import get_token, tokens_of
from medical_audit.api.calls import Call, answers


class TokenOut(serializers.Serializer[Any]):
    """Never the secret, which is shown once when the token is made."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    person = serializers.CharField(source="user.name")
    permissions = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(child=serializers.CharField())
    made_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)
    used_from = serializers.CharField()


@answers(TokenOut, many=True)
def token_list(call: Call) -> list[ApiToken]:
    """List live tokens: one's own, or all for those who may end them."""
    return list(tokens_of(call.actor, call.now).live)


@answers(None)
def token_delete(call: Call, pk: UUID) -> None:
    """End a token at once."""
    get_token(pk, actor=call.actor)
    ending_tokens.end_token(pk, actor=call.actor, now=call.now)
