"""S3 with Object Lock in COMPLIANCE mode: what was put there nobody takes away before its day, not even its owner.

The bucket lies in another account, under credentials that may put and read and nothing else. This is the one file of
this floor that talks to AWS.
"""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from medical_audit.domain.anchoring import LONGEST, AnchorDoubt, AnchorError, Payload
from medical_audit.domain.checkpoint import Checkpoint
from medical_audit.domain.notes import BadNote


class BucketAnchor:
    """`retain_days`: how long COMPLIANCE mode keeps each seal, from the seal's own time on."""

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str,
        region: str,
        retain_days: int,
        endpoint: str = "",
        access_key_id: str = "",
        secret_access_key: str = "",
    ) -> None:
        self.bucket, self.prefix, self.retain = bucket, prefix, timedelta(days=retain_days)
        self.name = "s3"
        self._client: Any = boto3.client(
            "s3",
            region_name=region or None,
            endpoint_url=endpoint or None,
            aws_access_key_id=access_key_id or None,
            aws_secret_access_key=secret_access_key or None,
            config=Config(
                connect_timeout=3,
                read_timeout=10,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"} if endpoint else {},
            ),
        )

    def put(self, payload: Payload) -> None:
        body = payload.text().encode()
        try:
            # A retry, or a second sealer, must not lay a second version beside the first.
            if self._is_there(payload.number):
                return
            self._client.put_object(
                Bucket=self.bucket,
                Key=self._key(payload.number),
                Body=body,
                ContentType="application/json",
                ContentMD5=base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=_time_of(payload) + self.retain,
            )
        except (BotoCoreError, ClientError) as error:
            raise AnchorError(f"s3://{self.bucket}: {_reason(error)}") from error

    def newest(self, *, at_least: int) -> Payload | None:
        last = None
        for one in self._seals(after=at_least):
            last = one
        if last is None and at_least > 0:
            last = next(self._seals(prefix=self._key(at_least)), None)
        return self._read(*last) if last else None

    def after(self, number: int) -> Iterator[Payload]:
        for key, version in self._seals(after=number):
            yield self._read(key, version)

    def _seals(self, *, after: int = 0, prefix: str = "") -> Iterator[tuple[str, str]]:
        """(key, its first version), in order. Whoever may put could lay another version or a delete marker over a seal,
        which Object Lock does not hinder; S3 lists the versions of a key newest first."""
        start = {"KeyMarker": self._key(after)} if after > 0 else {}
        key = version = ""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self.bucket, Prefix=prefix or self.prefix, **start
            )
            for page in pages:
                for entry in page.get("Versions", []):
                    if key and entry["Key"] != key:
                        yield key, version
                    key, version = entry["Key"], entry["VersionId"]
        except (BotoCoreError, ClientError) as error:
            raise AnchorError(f"s3://{self.bucket}: {_reason(error)}") from error
        if key:
            yield key, version

    def _is_there(self, number: int) -> bool:
        found = self._client.list_object_versions(Bucket=self.bucket, Prefix=self._key(number), MaxKeys=1)
        return bool(found.get("Versions"))

    def _read(self, key: str, version: str) -> Payload:
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=key, VersionId=version)
            if answer["ContentLength"] > LONGEST:
                raise AnchorDoubt(f"s3://{self.bucket}/{key}: too long for a seal")
            text = answer["Body"].read().decode("utf-8", "replace")
        except (BotoCoreError, ClientError) as error:
            raise AnchorError(f"s3://{self.bucket}/{key}: {_reason(error)}") from error
        return Payload.parse(text)

    def _key(self, number: int) -> str:
        return f"{self.prefix}{number:015d}.json"


def _time_of(payload: Payload) -> Any:
    try:
        return Checkpoint.parse(payload.note.rpartition("\n\n")[0] + "\n").at.astimezone(UTC)
    except BadNote as error:
        raise AnchorDoubt(str(error)) from error


def _reason(error: BotoCoreError | ClientError) -> str:
    """The service's own code, never the request: that could carry a key."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "refused"))
    return type(error).__name__
