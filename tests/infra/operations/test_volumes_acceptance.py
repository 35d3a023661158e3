"""What was agreed on for volumes, word for word: tagging never crashes, and a left-over volume goes safely."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.domain.permissions import Role
from infra.domain.prices import PriceRow
from infra.operations import deleting, pricing
from infra.queries import tagging
from infra.queries.leftovers import left_overs
from medical_audit.domain.errors import NotPermitted
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_tagging import look_and_tag, names, on, servers
from tests.simulated import TOKYO


def test_acceptance_9_named_servers_name_their_volumes_two_are_skipped_and_a_second_run_writes_nothing(
    duty: Duty,
) -> None:
    a, untagged, env_only, b = servers(duty, {"Name": "a"}, {}, {"Env": "prod"}, {"Name": "b"})
    va, vu, ve, vb, kept = duty.aws.seed(
        volumes=[on(a), on(untagged), on(env_only), on(b), on(a, {"Name": "precious"}, attachments=[{"instance_id": a, "device": "/dev/sdz"}])]
    )["volumes"]  # fmt: skip
    look_and_tag(duty)
    assert names(duty) == {va: "a", vu: "", ve: "", vb: "b", kept: "precious"}
    viewer = duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(viewer.tenant_id):
        page = tagging.account_page(duty.aws.row.id, actor=viewer)
        [run] = tagging.runs(actor=viewer)
    assert {row.volume_id for row in page.skipped} == {vu, ve}
    assert (run.entered, run.tagged, run.failed) == (2, 2, 0)
    writes, entries = duty.sent("CreateTags"), len(duty.operations())
    duty.clock.pass_(days=1)
    look_and_tag(duty)
    assert (duty.sent("CreateTags"), len(duty.operations())) == (writes, entries)


def test_acceptance_10_three_of_a_hundred_gib_cost_28_80_and_go_after_a_snapshot_with_an_approver(
    duty: Duty,
) -> None:
    volumes = duty.aws.seed(volumes=[{"size_gib": 100, "volume_type": "gp3"} for _ in range(3)])["volumes"]
    duty.look()
    duty.clock.pass_(days=15)
    duty.look()
    cast, now = duty.aws.cast, duty.clock()
    admin, operator, approver = (
        cast.actor(one) for one in (Role.ADMINISTRATOR, Role.OPERATOR, Role.APPROVER)
    )
    price = PriceRow("volume", TOKYO, "gp3", Decimal("0.096"), "USD", "AWS Price List", date(2026, 11, 1))
    priced = pricing.enter_change([price], actor=admin, now=now, reason="単価")
    entry.confirm(priced.id, actor=admin, now=now, seen_digest=priced.digest, proof=proof(admin, now))
    with tenant_scope(cast.tenant.id):
        total = left_overs(actor=operator, now=now).total
    assert (total.volumes, total.gib, total.pairs) == (3, 300, [("USD", Decimal("28.80"))])
    entered = deleting.enter_delete(
        duty.volume(volumes[0]).id, actor=operator, now=now, reason="使っていない"
    )
    with pytest.raises(NotPermitted):
        entry.confirm(
            entered.id, actor=operator, now=now, seen_digest=entered.digest, proof=proof(operator, now)
        )
    duty.tag()
    assert duty.sent("CreateSnapshot") == duty.sent("DeleteVolume") == []
    entry.confirm(entered.id, actor=approver, now=now, seen_digest=entered.digest, proof=proof(approver, now))
    for _ in range(4):
        duty.tag()
        duty.clock.pass_(seconds=61)
    journal = [
        one["action"] for one in duty.aws.journal() if one["action"] in ("CreateSnapshot", "DeleteVolume")
    ]
    assert journal == ["CreateSnapshot", "DeleteVolume"]
    steps = [event["detail"]["step"] for event in duty.events("operation.accepted")]
    [ended] = [one for one in duty.events("operation.succeeded") if one["operation"] == str(entered.id)]
    assert steps == ["snapshot", "delete"]
    assert ended["detail"]["detail"]["snapshot"].startswith("snap-")
    who = {
        event["kind"]: event["actor"]["id"]
        for event in (*duty.events("operation.entered"), *duty.events("operation.confirmed"))
    }
    assert who["operation.entered"] == operator.id
    assert who["operation.confirmed"] == approver.id
    assert duty.clock() - now < timedelta(hours=1)
