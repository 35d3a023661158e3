"""Which step of a rotation comes next, and what cannot get a certificate at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.domain.databases import Authority, EngineVersion, Terms, terms_as_json, terms_from_json
from infra.domain.rotation import Step, next_step, rotation_refusal

OLD, NEW = "rds-ca-2019", "rds-ca-rsa2048-g1"
UNTIL = datetime(2061, 5, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "ca", "found", "going_on", "step"),
    [
        ("stopped", OLD, "", True, Step.START),
        ("starting", OLD, "stopped", True, Step.WAIT),
        ("available", OLD, "stopped", True, Step.MODIFY),
        ("available", OLD, "", True, Step.MODIFY),
        ("modifying", NEW, "stopped", True, Step.WAIT),
        ("available", NEW, "stopped", True, Step.CHECK),  # then it is stopped again
        ("available", NEW, "available", False, Step.CHECK),  # what was changed is looked at, window or not
        ("stopping", NEW, "stopped", True, Step.WAIT),
        ("stopped", NEW, "stopped", True, Step.DONE),
        # the window is over, or AWS has refused: nothing more is changed, and everything is put back
        ("stopped", OLD, "", False, Step.GIVE_UP),
        ("available", OLD, "stopped", False, Step.STOP),
        ("available", OLD, "available", False, Step.GIVE_UP),
        ("stopped", OLD, "stopped", False, Step.GIVE_UP),
        # somebody stopped it in the middle: a stopped one cannot be changed
        ("stopped", OLD, "available", True, Step.START),
    ],
)
def test_the_next_step_follows_from_what_is_seen(
    state: str, ca: str, found: str, going_on: bool, step: Step
) -> None:
    assert next_step(state, ca, NEW, found, going_on=going_on) is step


def terms(*authorities: str) -> Terms:
    version = EngineVersion("mysql", "8.0.39", True, ("rds-ca-ecc384-g1", NEW))
    return terms_from_json(terms_as_json([Authority(one, UNTIL) for one in authorities], NEW, [version]))


FACTS = {"engine": "mysql", "engine_version": "8.0.39", "ca": OLD}
READ = terms(NEW, "rds-ca-ecc384-g1", "rds-ca-rsa4096-g1")


@pytest.mark.parametrize(
    ("facts", "wanted", "known", "code"),
    [
        ({}, NEW, READ, ""),
        ({"ca": NEW}, NEW, READ, "ca_already"),
        ({}, "rds-ca-2030", READ, "ca_unknown"),
        ({}, "rds-ca-rsa4096-g1", READ, "ca_unsupported"),
        ({"engine_version": "5.6.1"}, NEW, READ, "version_unread"),
        ({}, NEW, terms(), "certificates_unread"),
        ({"start_refusal": "read_replica"}, NEW, READ, "unsupported_read_replica"),
    ],
)
def test_what_cannot_get_it_is_said_before_anything_is_entered(
    facts: dict[str, Any], wanted: str, known: Terms, code: str
) -> None:
    assert rotation_refusal({**FACTS, **facts}, "stopped", False, wanted, known) == code
