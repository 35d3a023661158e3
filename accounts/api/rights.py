"""Rights over the API: what is unused, the quarterly round, a personnel list held against the members, erasing who has left."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.members import ROLES
from accounts.domain.permissions import Permission
from accounts.domain.recertifying import Decision
from accounts.domain.roster import BYTES_MAX, Difference, What
from accounts.operations import recertifying, reconciling
from accounts.operations.erasing import enter_erasure
from accounts.queries.readable import PeopleView, ReadablePerson, people_view, person_here
from accounts.queries.recertifying import Item, RightsPage, Round, rights_page
from accounts.queries.unused import Held
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import text_filter
from medical_audit.api.operations import OperationOut, PersonOut, ReasonIn, version_of
from medical_audit.domain.rights import LEDGER_VIEW, POLICY_EDIT
from medical_audit.forms import text_of
from medical_audit.operations.auditing import note_page

#: A file of BYTES_MAX bytes has no more letters than that.
TEXT_MAX = BYTES_MAX
ITEMS_MOST = 500


class HeldRightOut(serializers.Serializer[Held]):
    """One right and when it was last used; `used_at` null: never."""

    person = serializers.SerializerMethodField()
    role = serializers.CharField()
    granted_at = serializers.DateTimeField(allow_null=True)
    used_at = serializers.DateTimeField(allow_null=True)
    unused = serializers.BooleanField()

    @extend_schema_field(PersonOut)
    def get_person(self, row: Held) -> dict[str, str]:
        return {"id": str(row.user.id), "name": row.user.name}


class RoundItemOut(serializers.Serializer[Item]):
    """One right of a round (`round`: its name); `own`: one's own, which somebody else decides; `operation`: what takes it, where that was decided."""

    id = serializers.UUIDField(source="row.id")
    round = serializers.CharField(source="row.recertification.name")
    person = serializers.SerializerMethodField()
    role = serializers.CharField(source="row.role")
    decision = serializers.CharField(source="row.decision")
    reason = serializers.CharField(source="row.reason")
    decided_by = serializers.CharField(source="row.decided_by_name")
    decided_at = serializers.DateTimeField(source="row.decided_at", allow_null=True)
    operation = serializers.CharField(source="row.operation")
    unused = serializers.SerializerMethodField()
    own = serializers.BooleanField()

    @extend_schema_field(PersonOut)
    def get_person(self, item: Item) -> dict[str, str]:
        return {"id": str(item.row.user_id), "name": item.row.user.name}

    @extend_schema_field(bool)
    def get_unused(self, item: Item) -> bool:
        return bool(item.held and item.held.unused)


class RoundOut(serializers.Serializer[Round]):
    """A quarter's round; `counts` by decision, `all` among them."""

    id = serializers.UUIDField(source="row.id")
    name = serializers.CharField(source="row.name")
    begun_at = serializers.DateTimeField(source="row.begun_at")
    begun_by = serializers.CharField(source="row.begun_by_name")
    due_at = serializers.DateTimeField(source="row.due_at")
    closed_at = serializers.DateTimeField(source="row.closed_at", allow_null=True)
    late = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())


class RightsOut(serializers.Serializer[RightsPage]):
    """`unused`: rights of `total` that nobody used for 90 days; `open_items` and `decided` of all rounds that are open, the oldest first;
    `current`: that oldest one."""

    unused = HeldRightOut(many=True)
    total = serializers.IntegerField()
    current = RoundOut(allow_null=True)
    open_items = RoundItemOut(many=True)
    decided = RoundItemOut(many=True)
    rounds = RoundOut(many=True)


class DecideIn(ReasonIn):
    items = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ITEMS_MOST)
    decision = serializers.ChoiceField(choices=[str(Decision.KEEP), str(Decision.TAKE)])


class LeftOutOut(serializers.Serializer[Any]):
    """What could not be done, and why; it held back none of the others."""

    name = serializers.CharField()
    code = serializers.CharField()


class DecidedOut(serializers.Serializer[Any]):
    undecided = LeftOutOut(many=True)


class RosterIn(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=TEXT_MAX, trim_whitespace=False, help_text="The personnel office's CSV; the columns are those of the page."
    )  # fmt: skip


class ChosenIn(serializers.Serializer[Any]):
    """One difference as `roster/look/` gave it."""

    what = serializers.ChoiceField(choices=[str(What.INVITE), str(What.CLOSE), str(What.CHANGE)])
    username = serializers.CharField(max_length=254)
    name = serializers.CharField(max_length=254, default="", allow_blank=True)
    email = serializers.CharField(max_length=254, default="", allow_blank=True)
    first = serializers.CharField(max_length=10, default="", allow_blank=True)
    last = serializers.CharField(max_length=10, default="", allow_blank=True)


class RosterEnterIn(ReasonIn):
    """`role`: of everybody who is invited."""

    chosen = ChosenIn(many=True, max_length=reconciling.CHOSEN_MAX)  # type: ignore[call-arg]
    role = serializers.ChoiceField(choices=ROLES)


class DifferenceOut(serializers.Serializer[Difference]):
    """`what`: invite, close and change can be entered; name and unknown are for people to look at. Beside it what the list says."""

    what = serializers.CharField()
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    first = serializers.CharField()
    last = serializers.CharField()

    def to_representation(self, row: Difference) -> dict[str, Any]:
        chosen = reconciling.listed_of(row)
        return {name: str(getattr(chosen, name)) for name in reconciling.Chosen.__slots__}


class BadRowOut(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    code = serializers.CharField()
    text = serializers.CharField()


class RosterOut(serializers.Serializer[Any]):
    """`same`: how many people are the same on both sides; `bad`: rows that are left out, and why."""

    differences = DifferenceOut(many=True)
    bad = BadRowOut(many=True)
    same = serializers.IntegerField()
    digest = serializers.CharField()


class LinkOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    link = serializers.CharField()


class RosterEnteredOut(serializers.Serializer[Any]):
    """`links` of invitations stand in the first answer only; `refused`: what could not be entered."""

    operations = OperationOut(many=True)
    links = LinkOut(many=True)
    refused = LeftOutOut(many=True)


class ReadableOut(serializers.Serializer[ReadablePerson]):
    """Of whom something can be read in the record. `from_at`: since when he may be erased, null: at once; `due`: whether that is over."""

    person = serializers.CharField()
    names = serializers.ListField(child=serializers.CharField())
    addresses = serializers.IntegerField()
    devices = serializers.IntegerField()
    member = serializers.BooleanField()
    last_act = serializers.DateTimeField(allow_null=True)
    from_at = serializers.DateTimeField(allow_null=True)
    due = serializers.BooleanField()
    erasable = serializers.BooleanField()
    waiting = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_waiting(self, row: ReadablePerson) -> str | None:
        return str(row.waiting.id) if row.waiting else None


class ErasedOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    operation = serializers.CharField()


class ReadablePeopleOut(serializers.Serializer[PeopleView]):
    """`months`: for how long after his last act a person stays readable; `more`: how many people found no room in `people`, which holds
    200: look for them by `q`; `before`: events that hold names for ever."""

    months = serializers.IntegerField(source="held.person_months")
    people = ReadableOut(many=True)
    more = serializers.IntegerField()
    erasures = serializers.SerializerMethodField()
    before = serializers.IntegerField()

    @extend_schema_field(ErasedOut(many=True))
    def get_erasures(self, view: PeopleView) -> Any:
        return [ErasedOut(one).data for one, _operation in view.erasures]


class EraseIn(ReasonIn):
    person = serializers.CharField(max_length=64)


@answers(RightsOut)
def rights_get(call: Call) -> RightsPage:
    """See which rights are unused, and how far this quarter's round is."""
    return rights_page(actor=call.actor, now=call.now)


@answers(RightsOut, status=201)
def rights_begin(call: Call) -> RightsPage:
    """Begin this quarter's round: of every right somebody else says whether it is still needed."""
    recertifying.begin(actor=call.actor, now=call.now)
    return rights_page(actor=call.actor, now=call.now)


@answers(DecidedOut, takes=DecideIn)
def rights_decide(call: Call) -> dict[str, Any]:
    """Keep rights, or enter that each is taken; what could not be decided is named."""
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)
    given = call.given
    missed = recertifying.decide(
        given["items"], given["decision"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return {"undecided": [{"name": name, "code": code} for name, code in missed]}


@answers(RosterOut, takes=RosterIn, kept=False)
def roster_look(call: Call) -> Any:
    """Hold a personnel list against the members; that it was looked at is recorded, nothing is changed.

    The list and the answer are kept nowhere: sent again with the same `Idempotency-Key`, it is looked at again.
    """
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)
    return reconciling.reconcile(call.given["text"].encode("utf-8"), actor=call.actor, now=call.now)


@answers(RosterEnteredOut, takes=RosterEnterIn, status=201, once=("links",))
def roster_enter(call: Call) -> dict[str, Any]:
    """Enter what was chosen of a personnel list; another person confirms each."""
    call.actor.require(Permission.MEMBER_EDIT, call.actor.tenant_id)
    given = call.given
    chosen = [reconciling.Chosen(**one) for one in given["chosen"]]
    entered = reconciling.enter_chosen(
        chosen, given["role"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return {
        "operations": entered.operations,
        "links": [
            {"name": name, "link": call.asked.build_absolute_uri(reverse("accounts:invitation", args=[link]))}
            for name, link in entered.links
        ],
        "refused": [{"name": name, "code": code} for name, code in entered.refused],
    }


@answers(ReadablePeopleOut, filters=(text_filter("q", "Part of a name, or of an id."),))
def readable_get(call: Call) -> PeopleView:
    """See of whom something can be read in the record, and who may be erased; looking is recorded."""
    call.actor.require(LEDGER_VIEW, call.actor.tenant_id)
    view = people_view(actor=call.actor, now=call.now, q=text_of(call.query, "q"))
    note_page("people", actor=call.actor, now=call.now)
    return view


@answers(OperationOut, takes=EraseIn, status=201)
def readable_erase(call: Call) -> Told:
    """Enter that what can be read of somebody who has left is erased; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = call.given
    person_here(given["person"], now=call.now)
    entered = enter_erasure(given["person"], actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))
