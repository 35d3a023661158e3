"""What Toban does in an account that is in, over the API: which features count, which rights are missing, another choice."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from infra.domain.onboarding import Feature
from infra.operations import featuring
from infra.queries.features import SeenFeatures, get_features
from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.operations import OperationOut, ReasonIn, version_of


class FeatureOut(serializers.Serializer[Any]):
    """`state`: on, waits (decided, and used once its rights are proven), off, or unknown (nobody chose); `missing`: how many rights."""

    feature = serializers.CharField()
    state = serializers.CharField()
    missing = serializers.IntegerField()


class MissingOut(serializers.Serializer[Any]):
    """A right that the last proof did not find. `refused`: AWS said no; else it was never tried. `statements`: what gives it, none where another
    policy than the role's own refuses it: `denied` says which (denied_service_control, denied_boundary, ...), else it is empty."""

    role = serializers.CharField()
    action = serializers.CharField()
    refused = serializers.BooleanField()
    features = serializers.ListField(child=serializers.CharField())
    statements = serializers.ListField(child=serializers.DictField())
    denied = serializers.CharField(source="denied.code", default="")


class FeaturesOut(serializers.Serializer[SeenFeatures]):
    """`setup`: whose template makes the roles as they have to be (`account-setups/ID/template/`), null where it was never proven;
    `unproven`: no proof stands; `waiting`: the operation that would change it."""

    features = FeatureOut(source="lines", many=True)
    managed_only = serializers.SerializerMethodField()
    missing = MissingOut(many=True)
    unproven = serializers.BooleanField()
    setup = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()

    @extend_schema_field(bool)
    def get_managed_only(self, seen: SeenFeatures) -> bool:
        return bool(seen.setup and seen.setup.managed_only)

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_setup(self, seen: SeenFeatures) -> str | None:
        return str(seen.setup.id) if seen.setup else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_waiting(self, seen: SeenFeatures) -> str | None:
        return str(seen.waiting.id) if seen.waiting else None


class FeaturesIn(ReasonIn):
    features = serializers.ListField(
        child=serializers.ChoiceField(choices=[str(one) for one in Feature]), min_length=1, max_length=10
    )
    managed_only = serializers.BooleanField(default=False)


@answers(FeaturesOut)
def account_features_get(call: Call, pk: UUID) -> Told:
    """See what Toban does in an account and which rights it lacks there; the version is what a change names."""
    seen = get_features(pk, actor=call.actor)
    return Told(seen, version_from(seen.version))


@answers(
    OperationOut,
    takes=FeaturesIn,
    status=201,
    must=True,
    example={"features": ["servers", "databases", "volumes"], "reason": "ボリュームにも名前を付けるため"},
)
def account_features_enter(call: Call, pk: UUID) -> Told:
    """Enter what Toban is to do in an account; another person confirms it, and what comes is used once it is proven."""
    seen = get_features(pk, actor=call.actor)
    given = call.given
    call.expect(version_from(seen.version))
    entered = featuring.enter_features(
        pk, given["features"], managed_only=given["managed_only"], actor=call.actor, now=call.now, reason=given["reason"],
    )  # fmt: skip
    return Told(entered, version_of(entered))
