"""What can go wrong between us and a git server, or with a mirror: named errors, each with its own cure."""

from __future__ import annotations

import re

from redmine_sync.domain.writing import printable


class GitError(Exception):
    """`code` for words; `detail` what git itself said, for a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, printable(detail[:300])
        super().__init__(f"{code}: {detail}" if detail else code)


#: What git and ssh say in the plain C locale, the most telling first.
_SAID = (
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|No \S+ host key is known", "git_host_key_changed"),
    (r"Permission denied \(|Too many authentication failures|no mutual signature", "git_key_refused"),
    (r"Could not resolve host|Name or service not known|Temporary failure in name resolution", "git_no_name"),
    (r"Connection refused|timed out|Network is unreachable|No route to host|Couldn't connect|Connection reset", "git_unreachable"),
    (r"could not read Username|Authentication failed|terminal prompts disabled", "git_needs_login"),
    (r"SSL certificate|server certificate verification|unable to get local issuer", "git_certificate"),
    (r"Repository not found|does not appear to be a git repository|repository .* (not found|does not exist)|not found", "git_not_found"),
    (r"\[rejected\]|non-fast-forward", "git_forced"),
    (r"No space left on device|Disk quota exceeded", "mirror_full"),
    (r"\.lock': File exists|unable to lock", "mirror_locked"),
    (r"[Pp]ermission denied|insufficient permission|Read-only file system", "mirror_unwritable"),
    (r"not a git repository|bad object|corrupt|unable to read (tree|sha1)|loose object", "mirror_broken"),
    (r"The remote end hung up|early EOF|unexpected disconnect", "git_unreachable"),
)  # fmt: skip


def problem_of(said: str) -> GitError:
    """The error that git's own words tell of."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for pattern, code in _SAID:
        for line in lines:
            if re.search(pattern, line):
                return GitError(code, line)
    return GitError("git_failed", lines[-1] if lines else "")
