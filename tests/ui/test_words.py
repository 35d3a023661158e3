"""Every code that the domain knows has words in both languages, so that no page shows a bare code."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.utils import translation

from accounts.domain.permissions import Role
from config.saying import codes, ledger, operations, schedules
from config.words import codes as code_words
from config.words import events as event_words
from config.words import operations as operation_words
from config.words import prices as price_words
from config.words import schedules as schedule_words
from config.words import states as state_words
from config.words.codes import CODES
from infra.domain.aws import Problem, StopRefusal
from infra.domain.findings import FindingCode
from infra.domain.reasons import ReasonCode
from infra.domain.schedule import Action
from medical_audit.domain.kinds import Policy, all_kinds
from medical_audit.domain.states import State

ROOT = Path(__file__).resolve().parent.parent.parent
EVERY_TABLE = [
    table
    for module in (code_words, event_words, operation_words, price_words, schedule_words)
    for name, table in vars(module).items()
    if name.isupper() and isinstance(table, dict)
]


@pytest.mark.parametrize(
    ("codes_known", "table"),
    [
        (Problem, CODES),
        ((f"unsupported_{refusal}" for refusal in StopRefusal), CODES),
        (Policy, operation_words.POLICIES),
        (ReasonCode, schedule_words.REASONS),
        (ReasonCode, schedule_words.REASONS_SHORT),
        (FindingCode, schedule_words.FINDINGS),
        (Action, state_words.ACTIONS),
        (Role, state_words.ROLES),
        ((state.lower() for state in State), state_words.OPERATION_STATES),
        (event_words.EVENTS, event_words.EVENT_KINDS),
    ],
)
def test_no_code_is_without_words(codes_known: Iterable[object], table: object) -> None:
    missing = [str(code) for code in codes_known if str(code) not in table]  # type: ignore[operator]
    assert missing == []


def test_every_registered_kind_of_operation_has_a_name_and_says_what_it_does() -> None:
    names = {kind.name for kind in all_kinds() if not kind.name.startswith("test.")}
    assert names <= operation_words.OPERATION_KINDS.keys()
    assert names <= operation_words.OPERATION_EFFECTS.keys()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_two_kinds_of_operation_have_one_name(language: str) -> None:
    """In a list of kinds, of thresholds or of rights nobody could tell them apart."""
    with translation.override(language):
        names = [str(name) for name, _sentence in operation_words.OPERATION_KINDS.values()]
    assert [name for name, number in Counter(names).items() if number > 1] == []


def test_everything_that_events_and_operations_speak_of_has_a_name() -> None:
    pattern = re.compile(r"(?:OperationTarget|Subject)\(\s*\"([a-z_]+)\"")
    apps = ("medical_audit", "accounts", "infra", "redmine_sync")
    texts = [path.read_text(encoding="utf-8") for app in apps for path in (ROOT / app).rglob("*.py")]
    spoken_of = {name for text in texts for name in pattern.findall(text)}
    assert len(spoken_of) > 20
    assert spoken_of - set(state_words.RESOURCE_KINDS) == set()


def test_every_word_differs_between_the_languages_or_is_a_name() -> None:
    texts = [text for table in EVERY_TABLE for text in table.values() if not isinstance(text, tuple | dict)]
    with translation.override("en"):
        english = [str(text) for text in texts]
    assert [en for en, ja in zip(english, map(str, texts), strict=True) if en == ja] == []


def test_an_unknown_code_shows_itself_rather_than_nothing() -> None:
    assert operations.code_text("a_code_of_tomorrow") == "a_code_of_tomorrow"
    assert codes.state_of("hibernating", "resource").look == "unknown"


def test_a_holiday_is_said_with_its_name() -> None:
    reason = {"code": "holiday", "day": "2026-11-23", "name": "勤労感謝の日"}
    assert schedules.schedule_reason(reason) == "11/23 (月) は祝日（勤労感謝の日）のため起動しません。"


def test_a_bad_tag_is_said_with_its_value() -> None:
    finding = {"code": "full_width", "tag": "AutoStart", "value": "９:００", "suggestion": "09:00"}
    assert schedules.finding_text(finding) == "AutoStart タグが全角文字で書かれています: ９:００"


def test_a_missing_permission_is_named_with_aws_own_words() -> None:
    operation = {
        "outcome": "permission",
        "outcome_detail": {"missing_action": "kms:CreateGrant", "message": "not authorized"},
    }
    assert "kms:CreateGrant" in operations.outcome_short(operation)
    assert "not authorized" not in operations.outcome_short(operation)
    assert "not authorized" in operations.outcome_text(operation)


def _event(kind: str, **body: object) -> dict[str, object]:
    return {
        "kind": kind,
        "body": {
            "kind": kind,
            "actor": {"type": "user", "id": "1", "name": "佐藤"},
            "subject": {"type": "resource", "id": "i-1", "name": "web-1"},
            **body,
        },
    }


@pytest.mark.parametrize("kind", event_words.EVENTS)
def test_every_event_is_a_sentence_even_with_nothing_in_it(kind: str) -> None:
    said = ledger.event_sentence(_event(kind))
    assert said != kind
    assert "%(" not in said


def test_a_refusal_names_the_right_in_words() -> None:
    said = _event(
        "access.denied",
        detail={"view": "medical_audit:audit", "code": "not_permitted", "right": "ledger.view"},
    )
    assert "「記録・セッション・検証の閲覧」の権限" in ledger.event_sentence(said)
    assert "ledger.view" not in ledger.event_sentence(said)


def test_a_person_who_entered_for_somebody_is_shown_with_both_names() -> None:
    said = ledger.event_sentence(
        _event("operation.entered", detail={"kind": "ec2.start"}, behalf={"id": "2", "name": "高橋"})
    )
    assert said == "佐藤 (高橋 の代行) が EC2インスタンス web-1 の起動を入力しました。"


def test_what_is_carried_out_in_toban_itself_says_nothing_of_aws() -> None:
    """A change of a rule calls nobody; a start does."""
    for kind, aws in (("rules.change", False), ("member.grant", False), ("ec2.start", True)):
        at = "2026-11-25T10:00:00+09:00"
        row = {
            "kind": kind,
            "state": "SUCCEEDED",
            "entered_at": at,
            "confirmed_at": at,
            "called_at": at,
            "finished_at": at,
        }
        steps = [str(step["word"]) for step in operations.operation_steps(row)]
        assert len(steps) == (4 if aws else 3), kind
        waiting = row | {"state": "ENTERED", "confirmed_at": None, "called_at": None, "finished_at": None}
        steps += [str(step["word"]) for step in operations.operation_steps(waiting)]
        told = [
            ledger.event_sentence(_event(f"operation.{one}", detail={"kind": kind}))
            for one in ("called", "succeeded")
        ]
        assert any("AWS" in text for text in (*steps, *told)) == aws, kind


def test_text_that_people_typed_cannot_break_a_sentence() -> None:
    said = ledger.event_sentence(
        _event("operation.rejected", detail={"kind": "ec2.stop"}, reason="100%(actor)s <b>")
    )
    assert "100%(actor)s <b>" in said
