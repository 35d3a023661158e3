"""Tells who calls what: access key, account, region, service and action of one HTTP request."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.utils import ACCOUNT_OFFSET, AWS_ROLE_ALPHABET

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_ROLE_ACCOUNT = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/")
_ID_PARAMETER = re.compile(
    r"(?:InstanceId|ResourceId|VolumeId|SnapshotId|DBInstanceIdentifier|DBClusterIdentifier|DBSnapshotIdentifier|AutoScalingGroupName|ResourceName)(?:\.\d+)?"
)
_READS = (
    "Describe", "List", "Get", "Search", "Head", "Lookup", "Query", "Scan", "AssumeRole", "Download", "GET ", "HEAD ",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One AWS request.

    account: the account the call acts on; for AssumeRole the account of the role, so that rules about an
        account also reach its sign-in.
    """

    access_key: str
    account: str
    region: str
    service: str
    action: str
    method: str
    content_type: str
    is_json: bool
    body: bytes

    @property
    def key(self) -> str:
        """`ec2.StartInstances`."""
        return f"{self.service}.{self.action}"

    @property
    def mutates(self) -> bool:
        """Whether the call may change something (then the journal has it)."""
        return self.service not in ("sts", "-") and not self.action.startswith(_READS)

    @cached_property
    def params(self) -> dict[str, str]:
        """Form parameters of the query protocols."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def text(self) -> str:
        """The body as a person would read it; fault rules look into it."""
        return unquote_plus(self.body.decode("utf-8", "replace"))

    @cached_property
    def ids(self) -> list[str]:
        """Resource ids named in the request, in order."""
        return [value for name, value in self.params.items() if _ID_PARAMETER.fullmatch(name)]


def account_of_key(access_key: str) -> str:
    """The account written inside a temporary access key; permanent keys belong to the default account.

    AWS and moto write the account into bytes 4-12 of the key id. Reading it there keeps credentials that were
    handed out before a restart of the simulator in their account instead of silently moving them to another.
    """
    if not access_key.startswith("ASIA") or len(access_key) < 13:
        return str(DEFAULT_ACCOUNT_ID)
    try:
        number = int.from_bytes(base64.b32decode(access_key[4:12]), "big")
    except (binascii.Error, ValueError):
        return str(DEFAULT_ACCOUNT_ID)
    half = number - ACCOUNT_OFFSET
    odd = AWS_ROLE_ALPHABET.find(access_key[12]) >= 16
    return f"{half * 2 + odd:012d}" if 0 <= half < 500_000_000_000 else str(DEFAULT_ACCOUNT_ID)


def identify(environ: dict[str, Any]) -> Call:
    """Reads the request and leaves its body readable for moto."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = BytesIO(body)
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, service = found.groups() if found else ("-", "-", "-")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    content_type = environ.get("CONTENT_TYPE", "")
    method = environ["REQUEST_METHOD"]
    path = environ.get("PATH_INFO", "/")
    if target:
        action = target.rsplit(".", 1)[-1]
    elif content_type.startswith("application/x-www-form-urlencoded"):
        named = re.search(rb"(?:^|&)Action=([A-Za-z]+)", body)
        action = named.group(1).decode() if named else "?"
    else:
        action = f"{method} {path[:60]}"
    account = account_of_key(access_key)
    if action == "AssumeRole":
        role = _ROLE_ACCOUNT.match(unquote_plus(_form_value(body, b"RoleArn")))
        account = role.group(1) if role else account
    is_json = bool(target) or content_type.startswith(("application/x-amz-json", "application/json"))
    return Call(access_key, account, region, service, action, method, content_type, is_json, body)


def _form_value(body: bytes, name: bytes) -> str:
    found = re.search(rb"(?:^|&)" + name + rb"=([^&]*)", body)
    return found.group(1).decode("ascii", "replace") if found else ""
