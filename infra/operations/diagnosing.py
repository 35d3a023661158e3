"""Finding out whether a host reaches a database: what AWS shows, and what can be tried from where Toban runs.

Nothing is changed. That it was tried, by whom, for which host and with which result is an event; a password that somebody gave for
it is used for the one try and kept nowhere. It is sent only where AWS's authorities (TOBAN_RDS_CA_BUNDLE) vouch for the database
(infra.probe), and each try is recorded before it is made and counted: by person and database so many in a quarter of an hour
(infra.domain.diagnosis), whatever came of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.domain.permissions import Permission
from infra import handshake, probe
from infra.aws import reach
from infra.domain.aws import AwsError, Target
from infra.domain.diagnosis import SIGN_INS_MAX, Found, Host, Line, Step, explained, lines_of_aws
from infra.domain.reach import Rule, port_of
from infra.models import Resource
from infra.models.resource import ResourceKind
from infra.operations.reaching import rules_here, rules_read_at
from infra.operations.snapshotting import database_row
from infra.queries.diagnosis import TRIED, sign_ins_of
from infra.queries.targets import target_of
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: Why a server turns a client away before it says who it is: nobody gets as far as a sign-in.
_TURNED_AWAY = frozenset({"too_many", "host_not_allowed", "host_blocked", "turned_away"})


@dataclass(frozen=True, slots=True)
class Credential:
    """Who signs in, for one try. database: in which database, "" for the engine's own."""

    user: str
    password: str
    database: str = ""

    def __repr__(self) -> str:
        return f"<Credential {self.user}>"


@dataclass(frozen=True, slots=True)
class Asked:
    """host_id: an EC2 instance, None for Toban itself; credential: None where nobody gave one."""

    host_id: UUID | None = None
    credential: Credential | None = None


def diagnose(resource_id: UUID, asked: Asked, *, actor: Actor, now: datetime) -> list[Line]:
    """Every step, in order. Raises NotPermitted, NotFound. The tries are made outside of any transaction."""
    with tenant_scope(actor.tenant_id):
        row = database_row(resource_id)
        actor.require(Permission.POWER_ENTER, actor.tenant_id)
        host, kept, kept_at = _host(asked.host_id), rules_here(row), rules_read_at(row)
        target = target_of(row.account.account_id, row.region) if host is not None else None
    now_there = _rules_now(target, row)
    rules, rules_at = (kept, kept_at) if now_there is None else (now_there, now)
    known = lines_of_aws(row.facts, row.aws_state, host, rules, rules_at)
    lines = [*known, *_tries(row, known, asked.credential, actor, now)]
    with tenant_scope(actor.tenant_id):
        record(
            "resource.diagnosed",
            actor=actor,
            subject=Subject("resource", str(row.id), row.name or row.aws_id),
            now=now,
            detail={
                "host": host.name if host is not None else "toban",
                "steps": {str(line.step): f"{line.found}:{line.cause}" for line in lines},
                "with_credential": asked.credential is not None,
            },
        )
    return lines


def _rules_now(target: Target | None, row: Resource) -> list[Rule] | None:
    """What stands in the database's groups at this moment; None where AWS is not asked, or does not say: what was kept counts then."""
    if target is None or target.left:
        return None
    try:
        return reach.list_rules(target, row.facts.get("groups", ()))
    except AwsError:
        return None


def host_of(row: Resource) -> Host:
    facts = row.facts
    return Host(
        row.name or row.aws_id, facts.get("vpc_id", ""), facts.get("address", ""), tuple(facts.get("groups", ())),
        running=row.aws_state == "running",
    )  # fmt: skip


def _host(host_id: UUID | None) -> Host | None:
    if host_id is None:
        return None
    row: Resource | None = Resource.objects.filter(id=host_id, kind=ResourceKind.EC2).first()
    if row is None:
        raise NotFound(type="resource", id=str(host_id))
    return host_of(row)


def _tries(
    row: Resource, known: Sequence[Line], credential: Credential | None, actor: Actor, now: datetime
) -> list[Line]:
    """From where Toban runs; each only where the one before went well."""
    steps = (Step.NAME, Step.TCP, Step.TLS, Step.SIGN_IN)
    address, port, vpc = row.facts.get("address", ""), port_of(row.facts), row.facts.get("vpc_id", "")
    if any(line.found is Found.BAD and line.step in (Step.STATE, Step.ENDPOINT) for line in known):
        return [Line(step, Found.LEFT_OUT, "earlier_failed") for step in steps]
    lines = [_tried(Step.NAME, probe.name(address, vpc=vpc), "name_known")]
    if lines[-1].found is Found.GOOD:
        lines.append(_tried(Step.TCP, probe.connect(address, port, vpc=vpc), "answers"))
    if lines[-1].step is Step.TCP and lines[-1].found is Found.GOOD:
        lines.append(_tls(row.facts.get("engine", ""), address, port, vpc))
        if lines[-1].cause not in _TURNED_AWAY:
            lines.append(_signed_in(row, lines[-1], credential, actor, now))
    left = [Line(step, Found.LEFT_OUT, "earlier_failed") for step in steps[len(lines) :]]
    return lines + left


def _tried(step: Step, tried: probe.Tried, good: str) -> Line:
    # What is not called for want of an operator's word says nothing of the way.
    found = Found.UNKNOWN if tried.cause == "network_not_named" else Found.BAD if tried.cause else Found.GOOD
    return Line(step, found, tried.cause or good, {"said": tried.said} if tried.said else {}, tried.ms)


def _tls(engine: str, address: str, port: int, vpc: str) -> Line:
    try:
        shown = handshake.look(engine, address, port, bundle=settings.RDS_CA_BUNDLE, vpc=vpc)
    except handshake.Unspoken:
        return Line(Step.TLS, Found.UNKNOWN, "tls_unspoken")
    except handshake.TurnedAway as error:
        meant = explained(str(error))
        cause = meant.cause if meant is not None and meant.cause in _TURNED_AWAY else "turned_away"
        return Line(Step.TLS, Found.BAD, cause, {"said": str(error)[:300]})
    except handshake.Unreachable as error:
        return Line(Step.TLS, Found.BAD, "tls_none", {"said": str(error)[:300]})
    told = {"issuer": shown.issuer, "until": f"{shown.until:%Y-%m-%d}"}
    if shown.distrust is None:
        return Line(Step.TLS, Found.UNKNOWN, "tls_unchecked", told)
    if shown.distrust:
        return Line(Step.TLS, Found.BAD, "tls_untrusted", told | {"said": shown.distrust[:300]})
    return Line(Step.TLS, Found.GOOD, "tls_trusted", told)


def _signed_in(row: Resource, tls: Line, credential: Credential | None, actor: Actor, now: datetime) -> Line:
    engine, bundle = row.facts.get("engine", ""), settings.RDS_CA_BUNDLE
    if credential is None:
        return Line(Step.SIGN_IN, Found.LEFT_OUT, "no_credential")
    if not probe.can_sign_in(engine):
        return Line(Step.SIGN_IN, Found.UNKNOWN, "engine_unspoken")
    if withheld := _withheld(row, tls, credential, actor, now):
        return Line(Step.SIGN_IN, Found.LEFT_OUT, withheld)
    tried = probe.sign_in(
        engine,
        row.facts.get("address", ""),
        port_of(row.facts),
        user=credential.user,
        password=credential.password,
        database=credential.database,
        bundle=bundle,
        vpc=row.facts.get("vpc_id", ""),
    )
    if not tried.cause:
        return Line(Step.SIGN_IN, Found.GOOD, "signed_in", {"user": credential.user}, tried.ms)
    cause = tried.cause
    if cause == "said":
        meant = explained(tried.said)
        cause = meant.cause if meant else "not_known"
    # What Toban cannot speak says nothing of the user.
    found = Found.UNKNOWN if cause in ("auth_unspoken", "garbled") else Found.BAD
    return Line(Step.SIGN_IN, found, cause, {"said": tried.said} if tried.said else {}, tried.ms)


def _withheld(row: Resource, tls: Line, credential: Credential, actor: Actor, now: datetime) -> str:
    """Why the password stays here (a code), or "": then the try is recorded and counts."""
    if tls.cause in ("tls_untrusted", "tls_none"):
        return "password_withheld"
    if not probe.may_send_password(settings.RDS_CA_BUNDLE):
        return "no_bundle"
    return "" if _counted(row, credential, actor, now) else "too_many_sign_ins"


def _counted(row: Resource, credential: Credential, actor: Actor, now: datetime) -> bool:
    """Record one more try of this person at this database, unless there were too many; one at a time, so that two at once count."""
    with tenant_scope(actor.tenant_id):
        with connection.cursor() as cursor:
            key = f"sign-in:{actor.tenant_id}/{actor.id}/{row.id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        if sign_ins_of(row.id, actor=actor, now=now) >= SIGN_INS_MAX:
            return False
        record(
            TRIED,
            actor=actor,
            subject=Subject("resource", str(row.id), row.name or row.aws_id),
            now=now,
            detail={"username": credential.user, "database": credential.database},
        )
    return True
