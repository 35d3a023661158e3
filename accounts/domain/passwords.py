"""What a password must be: long where it stands alone, and nobody's first guess. No password is asked to be changed by the calendar."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

#: By what a person proves himself with; the ministry's guidance (chapter on access) gives both numbers.
LEAST: Final = {"with_second_factor": 8, "alone": 13}


def least_length(*, second_factor: bool) -> int:
    return LEAST["with_second_factor" if second_factor else "alone"]


#: Words that everybody here would try first; what is left of a password without them must be long enough to guess.
CONTEXT_WORDS: Final = (
    "toban", "当番", "hospital", "byouin", "byoin", "病院", "clinic", "iryou", "iryo", "医療", "kango", "看護", "joho", "情報",
    "admin", "operator", "approver", "auditor", "redmine", "amazon", "aws", "server", "password", "pass", "qwerty",
)  # fmt: skip
LEFT_LEAST: Final = 6
#: So much around a common word is a date at most, and makes no other password of it.
AROUND_MOST: Final = 8
#: Shorter parts of a name stand in too many honest passwords.
WORD_LEAST: Final = 3
#: From this share of the same letters on, a new password counts as the old one counted up.
ALIKE: Final = 0.75
#: What people write in place of a letter.
_STANDS_FOR: Final = str.maketrans("@4301!|$57", "aaeoiilsst")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def plain(password: str) -> str:
    """Width and case aside: "Ｔｏｂａｎ" is "toban"."""
    return unicodedata.normalize("NFKC", password).casefold()


def core_of(password: str) -> str:
    """The word that a password was made of: without the digits and signs around it, and with letters for what stands for them."""
    return _AROUND.sub("", plain(password)).translate(_STANDS_FOR)


def is_only_context(password: str, more: Iterable[str] = ()) -> bool:
    """Whether little is left of a password when the words of this house, and `more` (names of tenants and people), are taken out."""
    words = {plain(word) for word in (*CONTEXT_WORDS, *more)}
    known = sorted(
        (one for one in words if len(one) >= WORD_LEAST or not one.isascii()), key=len, reverse=True
    )
    # Before the years, because a name may hold one ("clinic2010"), and after them, because one may be put into a word.
    left = _without(known, _YEAR.sub("", _without(known, plain(password))))
    return len(left) < LEFT_LEAST


def _without(words: Iterable[str], text: str) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


def is_made_of_common(password: str, is_common: Callable[[str], bool]) -> bool:
    """Whether it is a common password, or one with a little before, behind or in place of its letters."""
    whole, core = plain(password), core_of(password)
    if is_common(whole) or is_repetition(whole):
        return True
    around = len(whole) - len(core)
    bare = _AROUND.sub("", whole)
    beside = whole.replace(bare, "", 1) if bare else ""
    little = around <= AROUND_MOST or is_common(beside) or is_repetition(beside)
    return bool(core) and little and (is_common(core) or is_common(bare))


def is_repetition(text: str) -> bool:
    """Whether it is one short piece over and over ("abcabcabc"), or a row of neighbours ("456789")."""
    if len(text) < WORD_LEAST:
        return False
    for length in range(1, len(text) // WORD_LEAST + 1):
        if text == (text[:length] * len(text))[: len(text)]:
            return True
    steps = {(ord(after) - ord(before)) % 10 if text.isdigit() else ord(after) - ord(before)
             for before, after in pairwise(text)}  # fmt: skip
    return steps <= {1} or steps <= {-1} or (text.isdigit() and steps <= {9})


def is_like(password: str, before: str) -> bool:
    """Whether a new password is the old one again: the same word with other digits, or nearly the same letters."""
    new, old = plain(password), plain(before)
    if not old:
        return False
    core = core_of(password)
    return (len(core) >= LEFT_LEAST and core == core_of(before)) or SequenceMatcher(
        None, new, old
    ).ratio() >= ALIKE


def words_of(*names: str) -> list[str]:
    """Names as they stand, and their parts: of "sakuragawa-hp" also "sakuragawa" and "hp"."""
    parts = [part for name in names for part in re.split(r"[\W_]+", name)]
    return [word for word in dict.fromkeys((*names, *parts)) if word]
