"""Keys that seal stored secrets, as the environment names them."""

import base64
from collections.abc import Sequence

KEY_BYTES = 32


def read_keys(texts: Sequence[str]) -> dict[str, bytes]:
    """'<id>:<base64 of 32 bytes>' each, the first one seals. Raises ValueError that names what is wrong."""
    keys: dict[str, bytes] = {}
    for text in texts:
        key_id, _, encoded = text.strip().partition(":")
        if not key_id.isalnum() or key_id in keys:
            raise ValueError(f"{key_id!r} is no id of a key, or stands there twice; like k1:BASE64")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key {key_id} is not the base64 of {KEY_BYTES} bytes")
        keys[key_id] = key
    return keys
