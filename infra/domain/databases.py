"""What stands out with a database, and what AWS says of certificate authorities and engine versions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from infra.domain.snapshots import PREFIX

#: A certificate authority that ends within this long is told of; at each of these many days before its end once more.
SOON = timedelta(days=180)
TOLD_DAYS = (180, 90, 30, 7)
URGENT = timedelta(days=30)
#: How much time before AWS starts a stopped database by itself is worth a word.
RESTART_SOON = timedelta(days=1)


#: The mark of a database that was restored for a while: it is to be removed again, so that it has no deletion protection.
UNTIL_TAG = "toban:until"
#: How the name of one begins. Toban's right to delete is bound to it, because a tag can be put on any database (ADR 13).
FOR_A_WHILE = f"{PREFIX}-tmp-"


def is_called_for_a_while(name: str) -> bool:
    """Whether Toban's role may delete a database of this name."""
    return name.lower().startswith(FOR_A_WHILE)


class Warn(StrEnum):
    """Why a database is looked at first. The order is that of the list: what breaks first stands on top."""

    CA_ENDED = "ca_ended"
    CA_URGENT = "ca_urgent"
    PUBLIC = "public"
    NO_BACKUPS = "no_backups"
    UNPROTECTED = "unprotected"
    RESTARTS_SOON = "restarts_soon"
    CA_SOON = "ca_soon"
    PENDING = "pending"


#: Those of which something breaks or is exposed, as against what is only to be known.
GRAVE = frozenset({Warn.CA_ENDED, Warn.CA_URGENT, Warn.PUBLIC, Warn.NO_BACKUPS})


@dataclass(frozen=True, slots=True)
class Authority:
    """One certificate authority of RDS, as DescribeCertificates gives it."""

    id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """What DescribeDBEngineVersions says of one version: whether a new certificate needs no restart, and which CAs it takes."""

    engine: str
    version: str
    without_restart: bool
    authorities: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.engine}/{self.version}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What AWS said in one region. default: the CA that new databases get. Empty where it could not be read."""

    authorities: Mapping[str, Authority]
    default: str
    engines: Mapping[str, EngineVersion]

    def version_of(self, facts: Mapping[str, Any]) -> EngineVersion | None:
        return self.engines.get(f"{facts.get('engine', '')}/{facts.get('engine_version', '')}")


def terms_as_json(
    authorities: Sequence[Authority], default: str, engines: Sequence[EngineVersion]
) -> dict[str, Any]:
    """What a region keeps; read back by `terms_from_json`."""
    return {
        "default": default,
        "authorities": {one.id: one.until.isoformat() for one in authorities},
        "engines": {
            one.key: {"without_restart": one.without_restart, "authorities": list(one.authorities)} for one in engines
        },
    }  # fmt: skip


def terms_from_json(kept: Mapping[str, Any]) -> Terms:
    authorities = {
        name: Authority(name, datetime.fromisoformat(until))
        for name, until in kept.get("authorities", {}).items()
    }
    engines = {}
    for key, said in kept.get("engines", {}).items():
        engine, _, version = key.partition("/")
        engines[key] = EngineVersion(engine, version, said["without_restart"], tuple(said["authorities"]))
    return Terms(authorities, kept.get("default", ""), engines)


def trust_ends(facts: Mapping[str, Any], terms: Terms) -> datetime | None:
    """When clients stop to trust a database unless somebody acts. None where AWS said nothing of it.

    The end of its CA; where AWS cannot renew the database's own certificate without a restart, it does not do so by
    itself, and the earlier of both ends counts. Source: Amazon RDS user guide, UsingWithRDS.SSL.
    """
    known = terms.authorities.get(str(facts.get("ca", "")))
    text = str(facts.get("certificate_until") or "")
    own = datetime.fromisoformat(text) if text else None
    version = terms.version_of(facts)
    renewed = version is not None and version.without_restart
    ends = [known.until] if known is not None else []
    if own is not None and not (renewed and ends):
        ends.append(own)
    return min(ends, default=None)


def expected_facts(facts: Mapping[str, Any], tags: Mapping[str, str]) -> Mapping[str, Any]:
    """The facts with what is so on purpose taken for right, so that nobody is warned of it."""
    return {**facts, "protected": True} if UNTIL_TAG in tags else facts


def warnings_of(
    facts: Mapping[str, Any], ends: datetime | None, restarts_at: datetime | None, now: datetime
) -> tuple[Warn, ...]:
    """What to say of a database first; of a member of a cluster, nothing that is decided for the cluster as a whole."""
    found = set()
    if ends is not None and ends - now <= SOON:
        found.add(Warn.CA_ENDED if ends <= now else Warn.CA_URGENT if ends - now <= URGENT else Warn.CA_SOON)
    if facts.get("public"):
        found.add(Warn.PUBLIC)
    if not facts.get("cluster_id"):
        # A fact that an older inventory has not read yet is no warning.
        if facts.get("backup_days", 1) == 0 and not facts.get("replica_of"):
            found.add(Warn.NO_BACKUPS)
        if facts.get("protected", True) is False:
            found.add(Warn.UNPROTECTED)
    if restarts_at is not None and restarts_at - now <= RESTART_SOON:
        found.add(Warn.RESTARTS_SOON)
    if facts.get("pending"):
        found.add(Warn.PENDING)
    return tuple(one for one in Warn if one in found)
