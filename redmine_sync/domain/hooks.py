"""A delivery of GitHub's webhook: whose signature it carries, and what it says; judged on the raw bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

BODY_MAX = 5_000_000
SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
GUID = re.compile(r"[0-9A-Za-z-]{8,64}")
PROJECT = re.compile(r"[a-z0-9_-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: A ref that is gone, or was not there before.
NOTHING = re.compile(r"0{40}|0{64}")
#: Compared with where there is no secret to compare with, so that looking in vain takes as long.
NOBODYS_SECRET = "no repository has this secret"  # noqa: S105  it opens nothing


class BadDelivery(ValueError):
    """Signed by us, but not what GitHub sends."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a push says. `repository` is GitHub's full name; commits are "" where the ref came or went."""

    repository: str
    ref: str
    before: str
    after: str


def is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made this signature of the body as it was sent. Every secret is tried, in even time."""
    found = SIGNATURE.fullmatch(signature)
    given = found[1] if found else "0" * 64
    matched = False
    known = [*secrets]
    for secret in known or [NOBODYS_SECRET]:
        made = hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()
        matched |= hmac.compare_digest(made, given)
    return matched and bool(known) and found is not None


def read_payload(body: bytes, content_type: str) -> dict[str, Any]:
    """The payload of a form (`payload=`) or of JSON. Raises BadDelivery."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            form = parse_qs(body.decode("utf-8"), max_num_fields=20, strict_parsing=True)
            text = form["payload"][0]
        elif kind == "application/json":
            text = body.decode("utf-8")
        else:
            raise BadDelivery("content type")
        said = json.loads(text)
    except (ValueError, KeyError, RecursionError) as error:
        raise BadDelivery(type(error).__name__) from error
    if not isinstance(said, dict):
        raise BadDelivery("not an object")
    return said


def repository_of(said: dict[str, Any]) -> str:
    """GitHub's full name of the repository; "" where the event has none."""
    of = said.get("repository")
    name = of.get("full_name") if isinstance(of, dict) else None
    return name[:300] if isinstance(name, str) and name.isprintable() else ""


def read_push(said: dict[str, Any]) -> Said:
    """Raises BadDelivery."""
    ref, before, after = (said.get(name) for name in ("ref", "before", "after"))
    if not (
        isinstance(ref, str)
        and isinstance(before, str)
        and isinstance(after, str)
        and len(ref) <= 300
        and ref.isprintable()
    ):
        raise BadDelivery("ref")
    if not (ref.startswith("refs/") and COMMIT.fullmatch(before) and COMMIT.fullmatch(after)):
        raise BadDelivery("commits")
    return Said(repository_of(said), ref, *("" if NOTHING.fullmatch(one) else one for one in (before, after)))
