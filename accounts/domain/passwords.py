"""How long a password must be: shorter where it does not stand alone. No password is asked to be changed by the calendar."""

from typing import Final

#: By what a person proves himself with; the ministry's guidance (chapter on access) gives both numbers.
LEAST: Final = {"with_second_factor": 8, "alone": 13}


def least_length(*, second_factor: bool) -> int:
    return LEAST["with_second_factor" if second_factor else "alone"]


#: Words that everybody here would try first; what is left of a password without them must be long enough to guess.
CONTEXT_WORDS: Final = (
    "toban", "当番", "hospital", "byouin", "byoin", "病院", "clinic", "iryou", "iryo", "医療", "kango", "看護", "joho", "情報",
    "admin", "operator", "approver", "auditor", "redmine", "amazon", "aws", "server", "password", "pass", "qwerty", "2026", "2027",
)  # fmt: skip
LEFT_LEAST: Final = 6


def is_only_context(password: str) -> bool:
    """Whether little is left of a password when the words of this house are taken out."""
    left = password.lower()
    for word in CONTEXT_WORDS:
        left = left.replace(word, "")
    return len(left) < LEFT_LEAST
