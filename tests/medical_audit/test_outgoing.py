"""In which forms an event leaves the house: valid by the standards' own rules, whatever people wrote into it."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.auditevent import AuditEvent
from fhir.resources.provenance import Provenance
from fhir.resources.R4B.auditevent import AuditEvent as AuditEventR4B
from fhir.resources.R4B.provenance import Provenance as ProvenanceR4B
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from config.words.events import EVENT_KINDS
from medical_audit.domain import dicom_audit, fhir_audit
from medical_audit.domain.canonical import canonical
from medical_audit.domain.cells import safe
from medical_audit.domain.chain import Linked
from medical_audit.domain.recorded import Recorded
from tests.factories import MONDAY_0830

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("dicom_audit.rng")))
KINDS = sorted({*EVENT_KINDS, "never.heard_of"})
#: What jsonb can hold: no NUL, no half characters.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)


def event(kind: str, **more: Any) -> Recorded:
    body = {
        "v": 1,
        "kind": kind,
        "at": "2026-11-30T08:30:00.000000Z",
        "actor": {"type": "user", "id": "u-1", "name": "佐藤", "roles": ["approver", "operator"]},
        "subject": {"type": "ec2", "id": "i-0123", "name": "電子カルテ"},
        "outcome": "ok",
        **more,
    }
    link = Linked(
        uuid.uuid4(), 7, uuid.uuid4(), MONDAY_0830, MONDAY_0830, MONDAY_0830, 42, "toban_web", canonical(body),
        b"\x01" * 32, b"\x02" * 32,
    )  # fmt: skip
    return Recorded.of(link, {})


def full(kind: str) -> Recorded:
    return event(
        kind,
        outcome="failed",
        reason="<保守>&\n\"'",
        address="2001:db8::1",
        session="s-1",
        request="r-1",
        operation=str(uuid.uuid4()),
        behalf={"id": "u-2", "name": "鈴木"},
        detail={"problem": "throttled", "filter": {"kind": "operation.entered"}, "digest": "d" * 64},
    )


def _valid(message: str) -> etree._Element:
    assert "\n" not in message
    found = etree.fromstring(message)
    assert SCHEMA.validate(found), SCHEMA.error_log
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_valid_dicom_audit_message(kind: str) -> None:
    for one in (event(kind), full(kind)):
        found = _valid(dicom_audit.message(one))
        kinds = [code.get("csd-code") for code in found.iter("EventTypeCode")]
        assert kinds[-1] == kind
        details = {
            detail.get("type"): base64.b64decode(detail.get("value") or "").decode()
            for detail in found.iter("ParticipantObjectDetail")
        }
        assert details["body"] == one.link.body
        assert (details["seq"], details["hash"]) == ("7", "02" * 32)


def test_nobody_is_said_to_have_acted_for_himself() -> None:
    """Older events name the principal as his own principal."""
    one = event("operation.confirmed", behalf={"id": "u-1", "name": "佐藤"}, operation=str(uuid.uuid4()))
    assert len(list(_valid(dicom_audit.message(one)).iter("ActiveParticipant"))) == 1
    for release in ("R4B", "R5"):
        made, proven = fhir_audit.audit_event(one, release), fhir_audit.provenance(one, release)
        assert len(made["agent"]) == 1
        assert proven is not None
        assert "onBehalfOf" not in proven["agent"][0]
        himself = made["agent"][0]
        assert fhir_audit.faults(made | {"agent": [himself, himself | {"requestor": False}]}, release)
        for_himself = proven["agent"][0] | {"onBehalfOf": proven["agent"][0]["who"]}
        assert fhir_audit.provenance_faults(proven | {"agent": [for_himself]})


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_breaks_a_message(name: str, reason: str, address: str, identity: str) -> None:
    one = event(
        "operation.entered",
        actor={"type": "user", "id": identity, "name": name, "roles": []},
        subject={"type": "ec2", "id": identity, "name": name},
        reason=reason,
        address=address,
        detail={"problem": reason},
    )
    _valid(dicom_audit.message(one))
    for made in (fhir_audit.audit_event(one, "R4B"), fhir_audit.audit_event(one, "R5")):
        json.dumps(made)


def test_the_schema_of_the_test_refuses_what_the_standard_refuses() -> None:
    """Otherwise "valid" says nothing."""
    good = dicom_audit.message(full("operation.confirmed"))
    for before, after in (
        ('EventActionCode="U"', 'EventActionCode="X"'),
        ('EventOutcomeIndicator="8"', 'EventOutcomeIndicator="9"'),
        ("csd-code=", "code="),
        ("<ParticipantObjectName>", "<ParticipantObjectQuery>"),
        ('UserIsRequestor="true"', ""),
    ):
        assert before in good
        changed = good.replace(before, after).replace(
            "</ParticipantObjectName>", "</ParticipantObjectName>" if "Query" not in after else "</ParticipantObjectQuery>"
        )  # fmt: skip
        assert not SCHEMA.validate(etree.fromstring(changed)), before


@pytest.mark.parametrize(
    ("kind", "event_id", "type_code"),
    [
        ("session.entered", "110114", "110122"),
        ("session.left_seat", "110114", "110123"),
        ("ledger.searched", "110101", "ledger.searched"),
        ("ledger.exported", "110106", "ledger.exported"),
        ("member.granted", "110113", "110136"),
        ("session.shut_out", "110113", "110137"),
        ("emergency.opened", "110113", "110127"),
        ("emergency.closed", "110113", "110138"),
        ("window.exported", "110106", "window.exported"),
        ("operation.confirmed", "operation", "operation.confirmed"),
    ],
)
def test_dicom_calls_it_by_its_own_code_where_it_has_one(kind: str, event_id: str, type_code: str) -> None:
    found = _valid(dicom_audit.message(event(kind)))
    codes = [found.find("EventIdentification/EventID"), found.find("EventIdentification/EventTypeCode")]
    assert [code.get("csd-code") for code in codes if code is not None] == [event_id, type_code]


def test_a_proxy_and_the_one_for_whom_he_entered_are_two_participants() -> None:
    found = _valid(dicom_audit.message(full("operation.entered")))
    people = [(one.get("UserName"), one.get("UserIsRequestor")) for one in found.iter("ActiveParticipant")]
    assert people == [("佐藤", "true"), ("鈴木", "false")]
    roles = [code.get("csd-code") for code in found.iter("RoleIDCode")]
    assert roles == ["enterer", "approver", "operator", "principal"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_an_audit_event_of_both_releases(kind: str) -> None:
    for one in (event(kind), full(kind)):
        AuditEventR4B.model_validate(fhir_audit.audit_event(one, "R4B"))
        AuditEvent.model_validate(fhir_audit.audit_event(one, "R5"))


def test_entering_and_confirming_have_a_provenance_and_nothing_else_does() -> None:
    for kind in KINDS:
        one = full(kind)
        made = fhir_audit.provenance(one, "R4B")
        if kind in ("operation.entered", "operation.confirmed", "operation.half_confirmed"):
            assert made is not None
            ProvenanceR4B.model_validate(made)
            Provenance.model_validate(fhir_audit.provenance(one, "R5"))
            assert made["agent"][0]["onBehalfOf"]["display"] == "鈴木"
        else:
            assert made is None


@pytest.mark.parametrize("release", ["R4B", "R5"])
def test_a_reason_with_a_control_character_is_still_fhir(release: fhir_audit.Release) -> None:
    """A line tabulator, as it comes along from a word processor."""
    one = full("operation.entered")
    one = replace(one, body={**one.body, "reason": "夜間\x0b障害"})
    made = [fhir_audit.audit_event(one, release), fhir_audit.provenance(one, release)]
    for found in made:
        text = json.dumps(found, ensure_ascii=False)
        assert "夜間\ufffd障害" in text
        assert "\\u000b" not in text
    assert made[1] is not None
    wrong = made[1] | {"recorded": "today", "agent": [], "activity": {"text": "\x0b"}}
    assert len(fhir_audit.provenance_faults(wrong)) == 3


@pytest.mark.parametrize("release", ["R4B", "R5"])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"action": "X"}, "action 'X'"),
        ({"agent": []}, "agent is missing"),
        ({"recorded": "2026-11-30T08:30:00"}, "no instant with a zone"),
        ({"outcome": "99"}, "outcome '99'"),
        ({"source": None}, "source is missing"),
        ({"entity": [{"name": "nothing"}]}, "an entity that is nothing"),
    ],
)
def test_what_a_library_lets_pass_is_found(
    changes: dict[str, Any], says: str, release: fhir_audit.Release
) -> None:
    made = fhir_audit.audit_event(event("session.entered"), release) | changes
    assert any(says in fault for fault in fhir_audit.faults(made, release))


def test_a_broken_body_is_not_passed_on() -> None:
    with pytest.raises(ValueError, match="no object"):
        Recorded.of(replace(event("session.entered").link, body="[]"), {})


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\rx", "\nx", "＝1", "＋1", "－1", "＠x", " =1", "\u200b=1", "\x00=1", "\ufeff@x"]
)  # fmt: skip
def test_no_cell_is_a_formula(text: str) -> None:
    found = str(safe(text))
    assert found.startswith("'")
    assert "\x00" not in found


@pytest.mark.parametrize("value", ["電子カルテ", "a=1", "3.5", "", 7, None])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe(value) == value
