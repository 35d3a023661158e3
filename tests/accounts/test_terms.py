"""On what terms somebody belongs to a tenant: refused outside of its days, ended with everything that hangs on it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from accounts.domain.terms import Terms, faults
from accounts.models import ApiToken, MemberTerms
from accounts.operations import members, terms, tokens
from accounts.queries.people import People
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.accounts.test_second_factor import require_from
from tests.conftest import AsRole
from tests.factories import PASSWORD, Cast, past_every_guard, proof
from tests.stage import Stage, make_stage, signed_in
from tests.tokens import bearer, make_token

TODAY = date(2026, 11, 26)


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def decide(cast: Cast, enter: Any, *values: object, by: Role = Role.ADMINISTRATOR) -> Operation:
    """Entered by the administrator and confirmed by the approver."""
    made = enter(*values, actor=cast.actor(by), now=clock.now(), reason="契約による")
    operation: Operation = getattr(made, "operation", made)
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )
    return operation


def past(cast: Cast, role: Role, ends_at: datetime) -> None:
    """As if the last day had been decided long ago: only a superuser can write an end that has passed."""
    past_every_guard(
        "UPDATE accounts_memberterms SET ends_at = %s WHERE tenant_id = %s AND user_id = %s",
        [ends_at, cast.tenant.id, cast.people[role].id],
    )


@pytest.mark.parametrize(
    ("wanted", "roles", "code"),
    [
        (Terms(kind="king"), {"viewer"}, "bad_account_kind"),
        (Terms(email="no address"), {"viewer"}, "bad_mail"),
        (Terms(email="a\0b@example.jp"), {"viewer"}, "bad_mail"),
        (Terms(last=date.max), {"viewer"}, "day_far_off"),
        (Terms(first=date.min), {"viewer"}, "day_far_off"),
        (Terms(first=TODAY, last=TODAY - timedelta(days=1)), {"viewer"}, "ends_before_it_begins"),
        (Terms(last=TODAY - timedelta(days=1)), {"viewer"}, "term_in_the_past"),
        (Terms(kind="vendor", last=TODAY), {"operator"}, "vendor_company_missing"),
        (Terms(kind="vendor", company="保守"), {"operator"}, "vendor_end_missing"),
        (Terms(kind="vendor", company="保守", last=TODAY + timedelta(days=400)), {"operator"}, "vendor_end_missing"),
        (Terms(kind="shared"), {"viewer"}, "shared_holder_missing"),
        (Terms(kind="shared", holder="x"), {"viewer", "operator"}, "shared_only_looks"),
        (Terms(kind="vendor", company="保守", last=TODAY + timedelta(days=90)), {"operator"}, ""),
        (Terms(kind="shared", holder="x"), {"viewer"}, ""),
    ],
)  # fmt: skip
def test_each_kind_has_its_rule(wanted: Terms, roles: set[str], code: str) -> None:
    assert (faults(wanted, frozenset(roles), TODAY) or [""])[0] == code


def test_outside_of_its_days_an_account_opens_nothing_and_the_clock_ends_what_hangs_on_it(
    stage: Stage, as_role: AsRole
) -> None:
    cast, user, now = stage.cast, stage.cast.people[Role.OPERATOR], clock.now()
    client, program = signed_in(user), bearer(make_token(cast, Role.OPERATOR))
    last = now.date() + timedelta(days=30)
    decide(cast, terms.enter_terms, user.id, Terms(kind="vendor", company="保守会社", last=last))
    assert client.get(stage.url()).status_code == 200
    past(cast, Role.OPERATOR, now - timedelta(minutes=1))
    # The clock has not run yet, and nobody gets in all the same.
    assert client.get(stage.url()).status_code == 404
    assert client.get("/tenants/").content.decode().count(stage.slug) == 0
    assert program.get(stage.api("resources/")).json()["code"] == "token_over"
    with tenant_scope(cast.tenant.id):
        assert not People().holds(cast.tenant.id, str(user.id), "power.confirm", "")
        assert str(user.id) not in {one.id for one in People().members(cast.tenant.id)}
    with as_role("scheduler"):
        ended = [
            terms.end_overdue(actor=system_actor(cast.tenant.id, "terms"), now=clock.now())
            for _run in range(2)
        ]
    assert ended == [1, 0]
    assert client.get("/sessions/").status_code == 302
    with tenant_scope(cast.tenant.id):
        assert ApiToken.objects.get(user=user).ended_at is not None
        event = Event.objects.get(kind="member.term_ended")
        assert '"sessions":1' in event.body
        assert '"tokens":1' in event.body
    decide(cast, terms.enter_terms, user.id, Terms())
    assert signed_in(user).get(stage.url()).status_code == 200


def test_a_day_at_the_end_of_the_calendar_is_refused_in_words(stage: Stage) -> None:
    cast, client = stage.cast, stage.client(Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="day_far_off"):
        decide(cast, terms.enter_terms, cast.people[Role.OPERATOR].id, Terms(last=date.max))
    given = {"name": "CI", "permissions": ["resource.view"], "last_day": "9999-12-31", "reason": "点検",
             "networks": "", "password": PASSWORD}  # fmt: skip
    assert client.post(stage.url("tokens/"), given).status_code == 422


def test_before_its_first_day_it_opens_nothing(stage: Stage) -> None:
    user = stage.cast.people[Role.VIEWER]
    first = clock.now().date() + timedelta(days=3)
    decide(stage.cast, terms.enter_terms, user.id, Terms(first=first))
    assert signed_in(user).get(stage.url()).status_code == 404


def test_a_shared_account_only_looks_and_a_member_answers_for_it(cast: Cast) -> None:
    viewer, holder = cast.people[Role.VIEWER], cast.people[Role.OPERATOR]
    for answers in ("", str(cast.stranger.id), str(cast.tenant.id)):
        with pytest.raises(Refused, match="shared_holder_missing"):
            decide(cast, terms.enter_terms, viewer.id, Terms(kind="shared", holder=answers))
    with pytest.raises(Refused, match="shared_only_looks"):
        decide(cast, terms.enter_terms, holder.id, Terms(kind="shared", holder=str(viewer.id)))
    waiting = members.enter_grant(
        viewer.id, "operator", actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="異動"
    )
    decide(cast, terms.enter_terms, viewer.id, Terms(kind="shared", holder=str(holder.id)))
    with pytest.raises(Refused, match="shared_only_looks"):
        decide(cast, members.enter_grant, viewer.id, "approver")
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    with pytest.raises(Refused, match="shared_only_looks"):  # what was entered before it became one
        entry.confirm(
            waiting.id, actor=confirmer, now=now, seen_digest=waiting.digest, proof=proof(confirmer, now)
        )


def test_a_machine_sees_no_page_and_works_with_a_token_that_two_people_issued(stage: Stage) -> None:
    cast, machine = stage.cast, stage.cast.people[Role.VIEWER]
    until = clock.now() + timedelta(days=30)
    with pytest.raises(Refused, match="not_a_machine"):
        decide(cast, tokens.enter_issue, machine.id, "監視", [], until)
    client = signed_in(machine)
    decide(cast, terms.enter_terms, machine.id, Terms(kind="machine"))
    assert client.get(stage.url()).status_code == 403
    assert client.get(stage.api("resources/")).json()["code"] == "machine_sees_no_page"
    made = tokens.enter_issue(
        machine.id,
        "監視",
        [],
        until,
        actor=cast.actor(Role.ADMINISTRATOR),
        now=clock.now(),
        reason="監視のため",
    )
    program = bearer(made.text)
    assert program.get(stage.api("resources/")).json()["code"] == "token_unknown"
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        made.operation.id,
        actor=confirmer,
        now=now,
        seen_digest=made.operation.digest,
        proof=proof(confirmer, now),
    )
    assert program.get(stage.api("resources/")).status_code == 200
    assert program.post(stage.api("operations/"), {}, content_type="application/json").status_code in (
        400,
        403,
    )
    # From the day of the second factor on only tokens count that people with one have issued since.
    require_from(cast, "2026-11-01")
    assert program.get(stage.api("resources/")).status_code == 200
    past_every_guard("UPDATE accounts_apitoken SET made_at = '2026-10-01' WHERE user_id = %s", [machine.id])
    assert program.get(stage.api("resources/")).json()["code"] == "second_factor_missing"


def test_nobody_decides_on_his_own_terms_and_the_database_lets_nobody_write_them(cast: Cast) -> None:
    administrator = cast.people[Role.ADMINISTRATOR]
    with pytest.raises(Refused, match="own_rights"):
        decide(cast, terms.enter_terms, administrator.id, Terms())
    with tenant_scope(cast.tenant.id), pytest.raises(DatabaseError, match="confirmed operation"):
        MemberTerms(
            tenant_id=cast.tenant.id, user=administrator, kind="staff", operation="o", changed_at=clock.now()
        ).save(force_insert=True)


def test_the_page_enters_terms_and_shows_them(stage: Stage) -> None:
    user, client = stage.cast.people[Role.OPERATOR], stage.client(Role.ADMINISTRATOR)
    last = clock.now().date() + timedelta(days=60)
    sent = client.post(
        stage.url(f"members/{user.id}/change/"),
        {"then": "terms", "kind": "vendor", "company": "保守会社", "last": f"{last}", "reason": "契約"},
    )
    assert sent.status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        operation = Operation.objects.get(kind="member.terms")
    confirmer, now = stage.cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )
    assert "保守会社" in client.get(stage.url("members/")).content.decode()
