"""Which addresses of a git repository are taken, and nothing else: an address is an argument of git."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from redmine_sync.domain.addresses import BadAddress, is_loopback, is_unusable

URL_MAX = 300
GITHUB = "github.com"
#: What GitHub publishes as the fingerprint of its ed25519 host key.
GITHUB_FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
_SHORT = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^/].*)")
_PATH = re.compile(r"/[A-Za-z0-9._~/+-]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Remote:
    """`url` as git gets it; `name` is "owner/repository" where the address ends so."""

    url: str
    scheme: str
    host: str
    port: int
    name: str

    @property
    def has_key(self) -> bool:
        return self.scheme == "ssh"


def read_remote(text: str, *, local: bool) -> Remote:
    """`local`: a portal that is tried out may also take file:// and this very machine. Raises BadAddress
    (bad_remote, remote_secret)."""
    text = text.strip()
    if short := _SHORT.fullmatch(text):
        text = f"ssh://{short['user']}@{short['host']}/{short['path']}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("bad_remote") from None
    if parts.password or (parts.scheme == "https" and parts.username):
        raise BadAddress("remote_secret")
    wrong = (
        len(text) > URL_MAX
        or not (text.isascii() and text.isprintable())
        or parts.scheme not in (("ssh", "https", "file") if local else ("ssh", "https"))
        or bool(parts.query or parts.fragment)
        or not _PATH.fullmatch(parts.path)
        or ".." in parts.path.split("/")
        or any(part.startswith("-") for part in parts.path.split("/"))
        or bool(parts.username and not _USER.fullmatch(parts.username))
    )
    if wrong or not (_is_a_host(host, local=local) if parts.scheme != "file" else not parts.netloc):
        raise BadAddress("bad_remote")
    return Remote(text, parts.scheme, host, port or 22, _name_of(parts.path))


def _is_a_host(host: str, *, local: bool) -> bool:
    shown = f"[{host}]" if ":" in host else host
    return bool(_HOST.fullmatch(shown)) and not is_unusable(host) and (local or not is_loopback(host))


def _name_of(path: str) -> str:
    parts = [part for part in path.removesuffix(".git").split("/") if part]
    return "/".join(parts[-2:])
