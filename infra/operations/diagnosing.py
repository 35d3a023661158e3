"""Finding out whether a host reaches a database: what AWS shows, and what can be tried from where Toban runs.

Nothing is changed. That it was tried, by whom, for which host and with which result is an event; a password that somebody gave for
it is used for the one try and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from infra import handshake, probe
from infra.domain.diagnosis import Found, Host, Line, Step, explained, lines_of_aws
from infra.domain.reach import port_of
from infra.models import Resource
from infra.models.resource import ResourceKind
from infra.operations.reaching import rules_here
from infra.operations.snapshotting import database_row
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope


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
        host, rules = _host(asked.host_id), rules_here(row)
    known = lines_of_aws(row.facts, row.aws_state, host, rules)
    lines = [*known, *_tries(row, known, asked.credential)]
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


def _tries(row: Resource, known: Sequence[Line], credential: Credential | None) -> list[Line]:
    """From where Toban runs; each only where the one before went well."""
    steps = (Step.NAME, Step.TCP, Step.TLS, Step.SIGN_IN)
    address, port, engine = row.facts.get("address", ""), port_of(row.facts), row.facts.get("engine", "")
    if any(line.found is Found.BAD and line.step in (Step.STATE, Step.ENDPOINT) for line in known):
        return [Line(step, Found.LEFT_OUT, "earlier_failed") for step in steps]
    lines = [_tried(Step.NAME, probe.name(address), "name_known")]
    if lines[-1].found is Found.GOOD:
        lines.append(_tried(Step.TCP, probe.connect(address, port), "answers"))
    if lines[-1].step is Step.TCP and lines[-1].found is Found.GOOD:
        lines += [_tls(engine, address, port), _signed_in(engine, address, port, credential)]
    left = [Line(step, Found.LEFT_OUT, "earlier_failed") for step in steps[len(lines) :]]
    return lines + left


def _tried(step: Step, tried: probe.Tried, good: str) -> Line:
    found = Found.BAD if tried.cause else Found.GOOD
    return Line(step, found, tried.cause or good, {"said": tried.said} if tried.said else {}, tried.ms)


def _tls(engine: str, address: str, port: int) -> Line:
    try:
        shown = handshake.look(engine, address, port)
    except handshake.Unspoken:
        return Line(Step.TLS, Found.UNKNOWN, "tls_unspoken")
    except handshake.Unreachable as error:
        return Line(Step.TLS, Found.BAD, "tls_none", {"said": str(error)[:300]})
    told = {"issuer": shown.issuer, "until": f"{shown.until:%Y-%m-%d}"}
    return Line(Step.TLS, Found.GOOD, "tls_shown", told)


def _signed_in(engine: str, address: str, port: int, credential: Credential | None) -> Line:
    if credential is None:
        return Line(Step.SIGN_IN, Found.LEFT_OUT, "no_credential")
    if not probe.can_sign_in(engine):
        return Line(Step.SIGN_IN, Found.UNKNOWN, "engine_unspoken")
    tried = probe.sign_in(
        engine,
        address,
        port,
        user=credential.user,
        password=credential.password,
        database=credential.database,
    )
    if not tried.cause:
        return Line(Step.SIGN_IN, Found.GOOD, "signed_in", {"user": credential.user}, tried.ms)
    meant = explained(tried.said)
    said = tried.said.replace(credential.password, "***") if credential.password else tried.said
    return Line(Step.SIGN_IN, Found.BAD, meant.cause if meant else "not_known", {"said": said}, tried.ms)
