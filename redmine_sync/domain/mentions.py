"""Which tickets a commit's message names, by Redmine's own rules (changeset.rb), and what looks so and links nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: Redmine's words as it comes: references, and what closes tickets.
WORDS = ("refs", "references", "issueid", "fixes", "closes")
ISSUE_MAX = 2_147_483_647
_LIST = r"#\d+(?:[\s,;&]+#\d+)*(?=[^\w]|$)"
_BARE = re.compile(rf"(?:^|[\s(\[,\-]){_LIST}", re.MULTILINE)
_WORDED = re.compile(rf"(?:^|[\s(\[,\-])(?:{'|'.join(WORDS)})[\s:]+({_LIST})", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"#(\d+)")
_PULL = re.compile(r"^Merge pull request #(\d+)|\(#(\d+)\)$", re.MULTILINE)
_GLUED = re.compile(r"[^\s(\[,\-:#&;/]#\d+")
_WIDE = re.compile(r"＃[0-9０-９]+")


class Rule(StrEnum):
    """What is known of Redmine's keywords: nothing yet, only after a word, or any number ("*")."""

    UNKNOWN = ""
    WORDS = "words"
    ANY = "any"


class Hint(StrEnum):
    """A pull request's number that "*" takes for a ticket; a number without a space before it; a full-width sign."""

    PULL = "pull"
    GLUED = "glued"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Tickets after a word, and those that are named without one."""

    worded: frozenset[int]
    bare: frozenset[int]

    def wanted(self, rule: Rule) -> frozenset[int]:
        """What Redmine links under the rule; with none known, only what it links as it comes."""
        return self.worded | self.bare if rule == Rule.ANY else self.worded


def read_mentions(message: str) -> Mentions:
    worded = frozenset(_numbers(_WORDED.findall(message)))
    bare = frozenset(_numbers(match[0] for match in _BARE.finditer(message)))
    return Mentions(worded, bare - worded)


def without_pulls(message: str) -> str:
    """The message without numbers of pull requests, which nobody means as tickets."""
    return _PULL.sub("", message)


def read_hints(message: str) -> Counter[str]:
    """What people should know about how they write."""
    found = {Hint.PULL: _PULL, Hint.GLUED: _GLUED, Hint.WIDE: _WIDE}
    return Counter({str(hint): 1 for hint, pattern in found.items() if pattern.search(message)})


def learn_rule(known: Rule, worded: Iterable[bool], bare: Iterable[bool]) -> Rule:
    """What Redmine did with mentions of tickets that exist in its project says which rule it has: a bare one that was
    linked needs "*"; a worded one that was linked beside a bare one that was not proves that words are asked for."""
    bares = list(bare)
    if any(bares):
        return Rule.ANY
    if bares and any(worded):
        return Rule.WORDS
    return known


def _numbers(lists: Iterable[str]) -> Iterable[int]:
    return (int(one) for text in lists for one in _NUMBER.findall(text) if 0 < int(one) <= ISSUE_MAX)
