"""A new certificate for a database, step by step: what comes next follows from what is seen, never from what was done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from infra.domain.databases import EngineVersion, Terms

STOPPED, AVAILABLE = "stopped", "available"
#: A window must leave time for a start, a change and a restart.
SHORTEST = timedelta(minutes=30)
#: How long a rotation that has begun may take beyond its window to put things back as they were.
PUT_BACK = timedelta(hours=12)
#: How long after its change a database may go on showing its old certificate.
SETTLES = timedelta(minutes=15)
AT_ONCE = 50
MOST_WAVES = 3


class Step(StrEnum):
    """START, MODIFY, STOP are calls to AWS; CHECK is a handshake; GIVE_UP: the window is over or AWS refused, and everything
    is as it was."""

    START = "start"
    MODIFY = "modify"
    CHECK = "check"
    STOP = "stop"
    WAIT = "wait"
    DONE = "done"
    GIVE_UP = "give_up"


def next_step(state: str, ca: str, wanted: str, found: str, *, going_on: bool) -> Step:
    """What comes next for a database in this state with this CA.

    found: how it was before the rotation touched it, "" while it has not. going_on: its window is open and AWS has not
    refused. A stopped database cannot be changed (Amazon RDS user guide, USER_StopInstance), so it is started first; and
    whatever came of it, one that was stopped is stopped again.
    """
    if state == STOPPED:
        return Step.DONE if ca == wanted else Step.START if going_on else Step.GIVE_UP
    if state != AVAILABLE:
        return Step.WAIT
    if ca == wanted:
        return Step.CHECK
    if going_on:
        return Step.MODIFY
    return Step.STOP if found == STOPPED else Step.GIVE_UP


def others_pending(pending: Iterable[str]) -> list[str]:
    """What waits for the maintenance window besides a certificate: a change that is applied at once applies all of it, too.

    Source: Amazon RDS API reference, ModifyDBInstance (ApplyImmediately).
    """
    return sorted(set(pending) - {"CACertificateIdentifier"})


def rotation_refusal(facts: Mapping[str, Any], aws_state: str, gone: bool, wanted: str, terms: Terms) -> str:
    """Why a database cannot get this CA (a code), or "". What AWS has not said is not taken for granted."""
    version, start_refusal = terms.version_of(facts), facts.get("start_refusal", "")
    renewing = bool(renews_from(facts, wanted, terms))
    checks = (
        ("gone", gone),
        ("certificates_unread", not terms.authorities),
        ("ca_unknown", wanted not in terms.authorities),
        ("ca_already", facts.get("ca") == wanted and not renewing),
        ("renewal_needs_running", renewing and aws_state != AVAILABLE),
        ("version_unread", version is None),
        ("ca_unsupported", version is not None and wanted not in version.authorities),
        ("pending_changes", not renewing and bool(others_pending(facts.get("pending", ())))),
        (f"unsupported_{start_refusal}", aws_state == STOPPED and bool(start_refusal)),
    )
    return next((code for code, holds in checks if holds), "")


def renews_from(facts: Mapping[str, Any], wanted: str, terms: Terms) -> str:
    """The end (ISO 8601) of the certificate that is to be renewed by the same authority; "" where that is not what is wanted, or AWS
    renews it by itself.

    Where an engine version takes no new certificate without a restart, AWS only plans a maintenance action for it. Source: Amazon RDS
    user guide, UsingWithRDS.SSL-certificate-rotation; API reference, ApplyPendingMaintenanceAction (ca-certificate-rotation).
    """
    version = terms.version_of(facts)
    if facts.get("ca") != wanted or version is None or version.without_restart:
        return ""
    return str(facts.get("certificate_until") or "")


def restarts(version: EngineVersion | None) -> bool | None:
    """Whether a new certificate restarts the database; None where AWS did not say."""
    return None if version is None else not version.without_restart


def window_problem(begins: datetime, ends: datetime, now: datetime) -> str:
    """What is wrong with a window (a code), or ""."""
    if begins < now - timedelta(minutes=5):
        return "window_past"
    return "" if ends - begins >= SHORTEST else "window_short"
