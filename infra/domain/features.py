"""Which features of an account count: those whose every right the last proof found, or could not try. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.domain.onboarding import CHANGES, AccountRole, Feature, reads_of
from infra.domain.proofs import DENIED, DOOR, OF_REGIONS, Check, Status

Right = tuple[AccountRole, str]
#: What Toban opened it may always close, also where that feature was switched off meanwhile, or the account is only observed.
ALWAYS = frozenset({"ec2:RevokeSecurityGroupIngress"})
_SERVERS, _DATABASES = (Feature.SERVERS,), (Feature.DATABASES,)
_STARTS = (Feature.DATABASES, Feature.CERTIFICATES)
#: By kind of operation the features that it is for, of which one is enough: where none is in force, it is neither offered nor entered. Every
#: kind of ours that changes something at AWS stands here but `reach.close` (ALWAYS).
KIND_IS_FOR: Mapping[str, tuple[Feature, ...]] = {
    "ec2.start": _SERVERS,
    "ec2.stop": _SERVERS,
    "asg.start": _SERVERS,
    "asg.stop": _SERVERS,
    # A certificate is changed with a start and a stop, and the role may do either for it.
    "rds.start": _STARTS,
    "rds.stop": _STARTS,
    "cluster.start": _DATABASES,
    "cluster.stop": _DATABASES,
    "rds.snapshot": _DATABASES,
    "rds.snapshot_delete": _DATABASES,
    "rds.prune": _DATABASES,
    "rds.certificate": (Feature.CERTIFICATES,),
    "rds.create": (Feature.MAKING,),
    "rds.restore": (Feature.MAKING,),
    "rds.remove": (Feature.MAKING,),
    "rds.snapshot_copy": (Feature.MAKING,),
    "reach.open": (Feature.REACH,),
    "ebs.tag": (Feature.VOLUMES, Feature.TAGS),
    "snapshot.tag": (Feature.TAGS,),
    "tagging.undo": (Feature.VOLUMES, Feature.TAGS),
    "volume.delete": (Feature.LEFTOVERS,),
    "volume.restore": (Feature.LEFTOVERS,),
    "volume_snapshot.delete": (Feature.LEFTOVERS,),
    "volume.termination": (Feature.TERMINATION,),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that a feature needs and the last proof did not find. refused: AWS said no; else it was never tried, because the feature is
    newer than the proof or needs more than it did then. denied: what was tried, where another policy than the role's own refuses it, so
    that no statement helps."""

    feature: Feature
    role: AccountRole
    action: str
    refused: bool
    denied: Check | None = None


def rights_of(feature: Feature) -> list[Right]:
    """What both roles must be allowed for it; what every inventory looks at, each feature needs."""
    return [
        *((AccountRole.READ, one) for one in reads_of([feature])),
        *((AccountRole.OPERATE, one) for one in CHANGES[feature]),
    ]


def rights_of_all(features: Iterable[Feature]) -> set[str]:
    """The actions that the template of these features allows."""
    return {action for one in features for _role, action in rights_of(one)}


def changes_of(features: Iterable[Feature]) -> frozenset[str]:
    """The changing calls that these features are for."""
    return frozenset(action for one in features for action in CHANGES[one])


def is_offered(kind: str, in_force: Collection[str] | None) -> bool:
    """Whether a kind of operation belongs to a feature in force; None: nobody chose any feature."""
    return in_force is None or any(one in in_force for one in KIND_IS_FOR[kind])


def lacking(checks: Sequence[Check], features: Iterable[Feature]) -> list[Lack]:
    """What is missing by the last proof, feature by feature. An action that fails in one region is missing."""
    tried, refused = _told(checks)
    return [
        Lack(feature, role, action, (role, action) in refused, refused.get((role, action)))
        for feature in features
        for role, action in rights_of(feature)
        if (role, action) in refused or (role, action) not in tried
    ]


def counting(checks: Sequence[Check], features: Iterable[Feature]) -> list[Feature]:
    """The features of which nothing is missing; none where it was not seen that the roles let Toban in and nobody else."""
    passed = {(one.role, one.code) for one in checks if one.status is Status.PASSED}
    if not {(role, code) for role in AccountRole for code in DOOR} <= passed:
        return []
    wanted = list(features)
    short = {one.feature for one in lacking(checks, wanted)}
    return [one for one in wanted if one not in short]


def regions_counting(checks: Sequence[Check], regions: Iterable[str]) -> list[str]:
    """The regions in which something was tried and AWS refused none of it; none where it was not seen that the roles let Toban in and
    nobody else."""
    passed = {(one.role, one.code) for one in checks if one.status is Status.PASSED}
    if not {(role, code) for role in AccountRole for code in DOOR} <= passed:
        return []
    told = [(one.subject.rpartition(" ")[2], one.status) for one in checks if one.code not in DOOR]
    return [one for one in regions if (one, Status.PASSED) in told and (one, Status.FAILED) not in told]


def _told(checks: Sequence[Check]) -> tuple[set[Right], dict[Right, Check | None]]:
    """Rights that a check was about, and those that AWS refused, with the check where another policy than the role's own did.

    A look that AWS did not answer, or not in that region, says nothing of the right.
    """
    tried: set[Right] = set()
    refused: dict[Right, Check | None] = {}
    for one in checks:
        unanswered = one.code == "not_answered" and one.role is AccountRole.READ
        if one.code in DOOR or one.code in OF_REGIONS or unanswered:
            continue
        right = (one.role, one.subject.partition(" ")[0])
        tried.add(right)
        if one.status is Status.FAILED:
            refused[right] = one if one.code.startswith(DENIED) else refused.get(right)
    return tried, refused
