"""Anchors: what is put there is read back whole; what others put there is not taken for a seal.

moto, which plays S3 here, enforces: a version under COMPLIANCE retention is not deleted, not even with the header that
passes over GOVERNANCE, and its day is kept with it. It does not enforce that a retention only grows, nor IAM policies, and
its key marker must name a key that is there.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from medical_audit.anchors.file import FileAnchor
from medical_audit.anchors.s3 import BucketAnchor
from medical_audit.domain.anchoring import Anchor, AnchorDoubt, AnchorError, Payload
from medical_audit.domain.checkpoint import Checkpoint, TreeHead
from medical_audit.domain.notes import Signer

SIGNER = Signer.generate("toban/ledger")
AT = datetime.now(UTC).replace(microsecond=0)


def payload(number: int) -> Payload:
    checkpoint = Checkpoint(
        tenants=1, root=bytes(32), number=number, epoch=0, at=AT + timedelta(minutes=number), clock_ms=0,
        catalogue="0" * 64, prev=bytes(32),
    )  # fmt: skip
    head = TreeHead(uuid.UUID(int=number), number, bytes(32), bytes(32))
    return Payload(number, SIGNER.sign(checkpoint.text()), (head,))


@pytest.fixture
def s3(django_db_setup: None) -> Any:
    return boto3.client(
        "s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="ap-northeast-1", aws_access_key_id="anchor",
        aws_secret_access_key="anchor",
    )  # fmt: skip


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"seals-{uuid.uuid4().hex}"
    s3.create_bucket(
        Bucket=name, ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"},
    )  # fmt: skip
    return name


def bucket_anchor(bucket: str) -> BucketAnchor:
    return BucketAnchor(
        bucket, prefix="toban/seals/", region="ap-northeast-1", retain_days=30, endpoint=os.environ["AWS_ENDPOINT_URL"],
        access_key_id="anchor", secret_access_key="anchor",
    )  # fmt: skip


@pytest.fixture(params=["file", "s3"])
def anchor(request: pytest.FixtureRequest, tmp_path: Path) -> Anchor:
    if request.param == "file":
        return FileAnchor(tmp_path / "seals.jsonl")
    return bucket_anchor(request.getfixturevalue("bucket"))


def test_what_was_put_is_read_back(anchor: Anchor) -> None:
    assert anchor.newest(at_least=0) is None
    assert list(anchor.after(0)) == []
    for number in (1, 2, 5):
        anchor.put(payload(number))
    anchor.put(payload(5))
    for at_least in (0, 2, 5):
        assert anchor.newest(at_least=at_least) == payload(5), at_least
    assert list(anchor.after(1)) == [payload(2), payload(5)]


def test_a_cut_line_is_passed_over_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    """As a disk leaves it that was full."""
    anchor = FileAnchor(tmp_path / "seals.jsonl")
    anchor.put(payload(1))
    anchor.put(payload(2))
    text = anchor.path.read_text(encoding="utf-8")
    anchor.path.write_text(text[:-40], encoding="utf-8")
    assert anchor.newest(at_least=0) == payload(1)
    anchor.put(payload(3))
    assert [one.number for one in anchor.after(0)] == [1, 3]


def test_a_long_file_is_read_from_its_end(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "seals.jsonl")
    lines = [payload(number).text() for number in range(1, 400)]
    anchor.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert anchor.newest(at_least=0) == payload(399)
    assert [one.number for one in anchor.after(150)] == list(range(151, 400))


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(AnchorError, match="No space left"):
        FileAnchor(Path("/dev/full")).put(payload(1))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"number": 1, "note": "n", "heads": [[1]]}', "[" * 100_000]
)
def test_what_no_sealer_put_there_is_no_seal(text: str) -> None:
    with pytest.raises(AnchorDoubt):
        Payload.parse(text)


def test_an_object_under_compliance_cannot_be_deleted(bucket: str, s3: Any) -> None:
    bucket_anchor(bucket).put(payload(1))
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    held = s3.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    assert held["ObjectLockMode"] == "COMPLIANCE"
    assert held["ObjectLockRetainUntilDate"] == AT + timedelta(minutes=1, days=30)
    for more in ({}, {"BypassGovernanceRetention": True}):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], **more)
    assert bucket_anchor(bucket).newest(at_least=0) == payload(1)


def test_a_version_laid_over_a_seal_is_not_the_seal(bucket: str, s3: Any) -> None:
    """Object Lock keeps the version, not the name: whoever may put can lay another one over it."""
    anchor = bucket_anchor(bucket)
    anchor.put(payload(1))
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    s3.put_object(Bucket=bucket, Key=version["Key"], Body=payload(7).text().encode())
    assert anchor.newest(at_least=0) == payload(1)


def test_a_seal_hidden_by_a_delete_marker_is_still_found(bucket: str, s3: Any) -> None:
    anchor = bucket_anchor(bucket)
    anchor.put(payload(1))
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    s3.delete_object(Bucket=bucket, Key=version["Key"])
    assert anchor.newest(at_least=0) == payload(1)


def test_a_bucket_that_is_not_there_is_said_without_any_key(s3: Any) -> None:
    with pytest.raises(AnchorError, match="NoSuchBucket"):
        bucket_anchor("no-such-bucket-of-ours").put(payload(1))
