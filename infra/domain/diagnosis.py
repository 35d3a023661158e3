"""Whether a host reaches a database, step by step: what is known of AWS, what was tried, and what a client's own error means. Pure.

Sources: MySQL reference manual, server and client error messages; Oracle database error messages (ORA-, TNS); PostgreSQL manual,
libpq-connect and auth-pg-hba-conf; Amazon VPC user guide, security groups.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from infra.domain.reach import Rule, is_group, port_of


class Step(StrEnum):
    """In the order in which a connection meets them."""

    STATE = "state"
    ENDPOINT = "endpoint"
    NETWORK = "network"
    RULE = "rule"
    NAME = "name"
    TCP = "tcp"
    TLS = "tls"
    SIGN_IN = "sign_in"


#: So many sign-ins one person tries at one database within this time, so that nobody guesses here and no engine locks users out.
SIGN_INS_MAX, SIGN_INS_WITHIN = 5, timedelta(minutes=15)


class Found(StrEnum):
    """How a step ended. UNKNOWN: it cannot be told from here. LEFT_OUT: an earlier one failed, or nothing was given to try."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Line:
    """One step. cause: a code, which says why and what to do; ms: how long the try took, None where nothing was tried; read_at: when AWS
    said what it is judged by, None where that is not told apart."""

    step: Step
    found: Found
    cause: str
    told: Mapping[str, str] = field(default_factory=dict)
    ms: int | None = None
    read_at: datetime | None = None

    @property
    def from_toban(self) -> bool:
        """Tried from where Toban runs, and not from the host."""
        return self.step in (Step.NAME, Step.TCP, Step.TLS, Step.SIGN_IN)


@dataclass(frozen=True, slots=True)
class Host:
    """From where: its private address and security groups, as AWS shows them; "" and () where they are not known."""

    name: str
    vpc: str
    address: str
    groups: tuple[str, ...]
    running: bool


def lines_of_aws(
    database: Mapping[str, Any],
    aws_state: str,
    host: Host | None,
    rules: Sequence[Rule] | None,
    rules_at: datetime | None = None,
) -> list[Line]:
    """What AWS's own facts say of the way; host None: from Toban itself, whose network is not known; rules_at: when the rules were read."""
    state = Line(Step.STATE, Found.GOOD, "db_available")
    if aws_state != "available":
        cause = "db_stopped" if aws_state in ("stopped", "stopping") else "db_not_ready"
        state = Line(Step.STATE, Found.BAD, cause, {"state": aws_state})
    address = str(database.get("address", ""))
    told = {"address": address, "port": str(port_of(database))}
    endpoint = Line(
        Step.ENDPOINT,
        Found.GOOD if address else Found.BAD,
        "endpoint" if address else "endpoint_missing",
        told if address else {},
    )
    rule = _rule(database, host, rules)
    return [
        state,
        endpoint,
        _network(database, host),
        replace(rule, read_at=rules_at) if rule.cause in _BY_RULES else rule,
    ]


#: What is judged by the rules as they were read.
_BY_RULES = frozenset({"rule_there", "rule_missing", "prefix_list"})


def _network(database: Mapping[str, Any], host: Host | None) -> Line:
    theirs = str(database.get("vpc_id", ""))
    if host is None:
        return Line(Step.NETWORK, Found.UNKNOWN, "from_toban")
    if not host.running:
        return Line(Step.NETWORK, Found.BAD, "host_stopped", {"host": host.name})
    if not theirs or not host.vpc:
        return Line(Step.NETWORK, Found.UNKNOWN, "vpc_unknown")
    if host.vpc == theirs:
        return Line(Step.NETWORK, Found.GOOD, "same_vpc", {"vpc": theirs})
    return Line(Step.NETWORK, Found.UNKNOWN, "other_vpc", {"host": host.vpc, "database": theirs})


def _rule(database: Mapping[str, Any], host: Host | None, rules: Sequence[Rule] | None) -> Line:
    if host is None:
        return Line(Step.RULE, Found.UNKNOWN, "from_toban")
    if rules is None:
        return Line(Step.RULE, Found.UNKNOWN, "rules_unread")
    port = port_of(database)
    for rule in rules:
        if rule.opens(port) and _lets_in(rule, host):
            return Line(Step.RULE, Found.GOOD, "rule_there", {"rule": rule.id, "source": rule.source})
    if any(rule.opens(port) and rule.source.startswith("pl-") for rule in rules):
        return Line(Step.RULE, Found.UNKNOWN, "prefix_list")
    return Line(Step.RULE, Found.BAD, "rule_missing", {"port": str(port)})


def _lets_in(rule: Rule, host: Host) -> bool:
    if is_group(rule.source):
        return rule.source in host.groups
    try:
        return bool(host.address) and ipaddress.ip_address(host.address) in ipaddress.ip_network(rule.source)
    except ValueError:
        return False  # a prefix list


def best_source(host: Host) -> str:
    """What a missing rule is best opened for: a group of the host, because addresses change."""
    if host.groups:
        return host.groups[0]
    return f"{host.address}/32" if host.address else ""


#: What clients say, most telling first: each with the step at which it fails and the cause.
_SAYINGS: tuple[tuple[re.Pattern[str], Step, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), step, cause)
    for pattern, step, cause in (
        (r"ORA-12514|ORA-12505|TNS-12514|DPY-6001|DPY-6003", Step.SIGN_IN, "service_unknown"),
        (r"ORA-12541|TNS-12541", Step.TCP, "refused"),
        (r"ORA-12170|ORA-12535|TNS-12535|ORA-12609", Step.TCP, "timed_out"),
        (r"ORA-12545|ORA-12154|ORA-12533", Step.NAME, "name_unknown"),
        (r"ORA-01017|ORA-1017", Step.SIGN_IN, "sign_in_refused"),
        (r"ORA-28000", Step.SIGN_IN, "user_locked"),
        (r"ORA-01045", Step.SIGN_IN, "no_right_to_connect"),
        (r"ORA-00018|ORA-00020|ORA-12516|ORA-12519|ORA-12520", Step.SIGN_IN, "too_many"),
        (r"ORA-28860|ORA-29024|ORA-28759", Step.TLS, "tls_failed"),
        (r"\b1044\b|permission denied for database", Step.SIGN_IN, "no_right_here"),
        (r"\b1045\b.*access denied|access denied for user|\b28000\b.*1045", Step.SIGN_IN, "sign_in_refused"),
        (r"\b1049\b|unknown database", Step.SIGN_IN, "no_such_database"),
        (r"\b1130\b|is not allowed to connect", Step.SIGN_IN, "host_not_allowed"),
        (r"\b3159\b|insecure transport", Step.TLS, "tls_demanded"),
        (r"\b1040\b|too many connections|too many clients|remaining connection slots", Step.SIGN_IN, "too_many"),
        (r"\b2026\b|SSL connection error|certificate verify failed|root certificate file", Step.TLS, "tls_failed"),
        (r"\b2005\b|unknown mysql server host|could not translate host name|name or service not known", Step.NAME, "name_unknown"),
        (r"\b2003\b.*\((111|10061|61)\b|\b2002\b.*\((111|10061|61)\b|connection refused|actively refused", Step.TCP, "refused"),
        (r"\b2003\b.*\((110|10060|113|101|10065|60|65)\b|\b2002\b.*\((110|115|10060|60)\b|timed? ?out|timeout expired|no route to host|ORA-12543", Step.TCP, "timed_out"),
        (r"\b1129\b|is blocked because of many connection errors", Step.SIGN_IN, "host_blocked"),
        (r"\b2059\b|authentication plugin .* (cannot|can't|could not) be loaded", Step.SIGN_IN, "plugin_missing"),
        (r"\b(2013|2006)\b.*(initial communication|handshake|authorization packet|gone away)", Step.TCP, "broken_off"),
        (r"ORA-12537|ORA-12547|ORA-03113|ORA-03135|server closed the connection unexpectedly|connection reset", Step.TCP, "broken_off"),
        (r"\b2003\b", Step.TCP, "not_reached"),
        (r"\b2002\b.*socket", Step.TCP, "local_socket"),
        (r"password authentication failed", Step.SIGN_IN, "sign_in_refused"),
        (r"database \"[^\"]*\" does not exist", Step.SIGN_IN, "no_such_database"),
        (r"role \"[^\"]*\" (does not exist|is not permitted to log in)", Step.SIGN_IN, "sign_in_refused"),
        # After what the server said over TLS: libpq then tries once more without (sslmode=prefer), and gives both answers.
        (r"no pg_hba\.conf entry.*(no encryption|SSL off)", Step.TLS, "tls_demanded"),
        (r"no pg_hba\.conf entry", Step.SIGN_IN, "host_not_allowed"),
    )
)  # fmt: skip


def explained(text: str) -> Line | None:
    """What a client's error message means: the step at which it failed, and its cause; None for one that is not known."""
    for pattern, step, cause in _SAYINGS:
        if pattern.search(text):
            return Line(step, Found.BAD, cause)
    return None
