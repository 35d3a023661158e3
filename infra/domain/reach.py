"""Who reaches a database: rules of security groups, what Toban opens and what it never opens. Pure.

Sources: Amazon EC2 API reference, AuthorizeSecurityGroupIngress (characters of a description, what makes a rule the same);
Amazon VPC quotas (60 rules a group and direction unless AWS has raised it).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

#: Where an engine listens unless told otherwise.
PORTS: Mapping[str, int] = {
    "mysql": 3306, "mariadb": 3306, "aurora-mysql": 3306, "postgres": 5432, "aurora-postgresql": 5432, "oracle": 1521,
    "sqlserver": 1433, "db2": 50000,
}  # fmt: skip
#: What AWS allows a group by default, and how Service Quotas calls it (of the service vpc).
USUAL_LIMIT, RULES_QUOTA = 60, "L-0EA8095F"
DESCRIPTION_MAX = 200
#: For an address of the internet an end is needed, and no later than this.
PUBLIC_AT_MOST = timedelta(hours=24)
LONGEST = timedelta(days=366)
#: The widest network that may be let in: of one's own, and of the internet.
_PRIVATE_BITS, _PUBLIC_BITS = 16, 29
_OF_RDS = (".rds.amazonaws.com", ".rds.amazonaws.com.cn")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*")
#: What a VPC may have besides public addresses. Source: Amazon VPC user guide, vpc-cidr-blocks (RFC 1918, RFC 6598).
VPC_NETWORKS = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
_OWN = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


@dataclass(frozen=True, slots=True)
class Rule:
    """One inbound rule of a security group. source: a group, a network or a prefix list, as AWS writes it; ports -1: all."""

    id: str
    group: str
    protocol: str
    from_port: int
    to_port: int
    source: str
    description: str

    def opens(self, port: int) -> bool:
        everything = self.protocol == "-1" or (self.from_port, self.to_port) == (-1, -1)
        return everything or (self.protocol == "tcp" and self.from_port <= port <= self.to_port)

    @property
    def to_everybody(self) -> bool:
        return self.source in ("0.0.0.0/0", "::/0")


def rule_as_json(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__slots__}


def rule_from_json(kept: Mapping[str, Any]) -> Rule:
    return Rule(**kept)


def port_of(facts: Mapping[str, Any]) -> int:
    """Where a database listens: what AWS says, else its engine's own port; 0 where neither is known."""
    if facts.get("port"):
        return int(facts["port"])
    engine = str(facts.get("engine", ""))
    return PORTS.get(engine) or PORTS.get(engine.partition("-")[0], 0)


def read_vpc_networks(texts: Iterable[str]) -> dict[str, tuple[ipaddress.IPv4Network, ...]]:
    """Private networks by VPC, as an operator writes them ("vpc-0abc=10.20.0.0/16", a VPC as often as it has networks). Raises
    ValueError."""
    found: dict[str, tuple[ipaddress.IPv4Network, ...]] = {}
    for text in texts:
        vpc, _, written = (part.strip() for part in text.partition("="))
        network = ipaddress.IPv4Network(written)
        if _VPC.fullmatch(vpc) is None or not any(network.subnet_of(one) for one in VPC_NETWORKS):
            raise ValueError(
                f"{text.strip()}: write a VPC and one of its private networks, as in vpc-0abc1234=10.20.0.0/16"
            )
        found[vpc] = (*found.get(vpc, ()), network)
    return found


def callable_address(address: str, *, local: bool) -> bool:
    """Whether Toban may call an address by itself: one of RDS, so that nobody makes it knock at doors inside; local: any, for a trial."""
    return bool(address) and (local or address.endswith(_OF_RDS))


def source_of(text: str) -> str:
    """A source as AWS writes it: a group as it is, an address as a network. Raises ValueError for what is neither."""
    text = text.strip()
    if _GROUP.fullmatch(text):
        return text
    return str(ipaddress.ip_network(text, strict=True))


def is_group(source: str) -> bool:
    return _GROUP.fullmatch(source) is not None


def is_public(source: str) -> bool:
    """An address of the internet."""
    if is_group(source):
        return False
    network = ipaddress.ip_network(source)
    return not any(network.version == own.version and network.subnet_of(own) for own in _OWN)  # type: ignore[arg-type]


def source_problem(text: str) -> str:
    """Why a source is never let in (a code), or ""."""
    try:
        source = source_of(text)
    except ValueError:
        return "source_unreadable"
    if is_group(source):
        return ""
    network = ipaddress.ip_network(source)
    if network.prefixlen == 0:
        return "open_to_everybody"
    if network.version != 4:
        return "source_not_ipv4"
    widest = _PUBLIC_BITS if is_public(source) else _PRIVATE_BITS
    return "" if network.prefixlen >= widest else "source_too_wide"


def description_problem(text: str) -> str:
    """Why AWS would refuse a description (a code), or ""."""
    if not text.strip():
        return "description_empty"
    if len(text) > DESCRIPTION_MAX:
        return "description_long"
    return "" if _DESCRIPTION.fullmatch(text) else "description_characters"


def end_problem(source: str, until: datetime | None, now: datetime) -> str:
    """Why a rule may not hold so long (a code), or ""."""
    if until is None:
        return "public_needs_end" if is_public(source) else ""
    if until <= now:
        return "end_past"
    longest = PUBLIC_AT_MOST if is_public(source) else LONGEST
    return "" if until - now <= longest else "public_too_long" if is_public(source) else "end_too_far"


def counted(rules: Sequence[Rule], group: str) -> int:
    """How many rules of a group count against its limit for IPv4, the only kind that is added here; a prefix list counts for one, though
    AWS counts its entries. Source: Amazon VPC user guide, amazon-vpc-limits (IPv4 and IPv6 are limited apart, a group counts for both)."""
    return sum(one.group == group and ":" not in one.source for one in rules)


def full_problem(count: int, limit: int | None) -> str:
    """Why AWS would take no further rule into a group that holds so many (a code), or "". limit: None where it could not be read."""
    if count < (limit or USUAL_LIMIT):
        return ""
    return "group_full" if limit else "group_full_unread"


def same(rules: Sequence[Rule], group: str, port: int, source: str) -> Rule | None:
    """The rule that AWS would call a duplicate."""
    for rule in rules:
        exactly = (rule.group, rule.protocol, rule.from_port, rule.to_port, rule.source)
        if exactly == (group, "tcp", port, port, source):
            return rule
    return None
