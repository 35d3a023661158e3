"""Which regions there are, as the SDK knows them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

from botocore.session import Session

#: The partition that Toban's templates are written for. China and GovCloud are others, whose roles nobody outside of them assumes.
PARTITION = "aws"
_USUAL = ("ap-northeast-1", "ap-northeast-3")
_ALIKE_MOST = 3


@cache
def regions_of() -> dict[str, frozenset[str]]:
    """Those in which EC2 can be had, be they switched on in an account or not, by partition."""
    session = Session()
    return {
        one: frozenset(session.get_available_regions("ec2", partition_name=one))
        for one in session.get_available_partitions()
    }


def partition_of(region: str) -> str:
    """Where a region belongs: "aws" or another partition, "" for one that nobody knows."""
    return next((partition for partition, known in regions_of().items() if region in known), "")


def alike(region: str, partition: str) -> Sequence[str]:
    """Known regions of a partition of which the name may be a misspelling, the likeliest first; else the usual ones of Japan."""
    return get_close_matches(region, sorted(regions_of()[partition]), n=_ALIKE_MOST, cutoff=0.7) or _USUAL
