"""Places outside the database that hold copies of the seals, as the settings name them."""

from pathlib import Path

from django.conf import settings

from medical_audit.anchors.file import FileAnchor
from medical_audit.anchors.s3 import BucketAnchor
from medical_audit.domain.anchoring import Anchor


def configured() -> list[Anchor]:
    found: list[Anchor] = []
    if settings.TOBAN_ANCHOR_FILE:
        found.append(FileAnchor(Path(settings.TOBAN_ANCHOR_FILE)))
    if settings.TOBAN_ANCHOR_BUCKET:
        found.append(
            BucketAnchor(
                settings.TOBAN_ANCHOR_BUCKET,
                prefix=settings.TOBAN_ANCHOR_PREFIX,
                region=settings.TOBAN_ANCHOR_REGION,
                retain_days=settings.TOBAN_ANCHOR_RETAIN_DAYS,
                endpoint=settings.AWS_ENDPOINT_URL,
                access_key_id=settings.TOBAN_ANCHOR_ACCESS_KEY_ID,
                secret_access_key=settings.TOBAN_ANCHOR_SECRET_ACCESS_KEY,
            )
        )
    return found
