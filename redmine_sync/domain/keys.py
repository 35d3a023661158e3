"""Deploy keys: an ed25519 pair without a passphrase (nobody is there to type one), and fingerprints as ssh shows them."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_pair(comment: str) -> tuple[str, str]:
    """(private key as OpenSSH's text, public key as one line with the comment)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode("ascii"), f"{public.decode('ascii')} {comment}"


def fingerprint_of(line: str) -> str:
    """'SHA256:...' of a public key's line or a line of known_hosts; "" where there is none."""
    parts = line.split()
    try:
        place = parts.index("ssh-ed25519")
        raw = base64.b64decode(parts[place + 1], validate=True)
    except (ValueError, IndexError, binascii.Error):
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode("ascii").rstrip("=")
