"""Which tags of a server its volumes get, and what a run of tagging may be undone to. Pure.

Limits: docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html (50 tags, keys of 128 and values of 256 characters, "aws:"
belongs to AWS; the characters are those that every AWS service takes).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from infra.domain.onboarding import Feature
from infra.domain.tags import OUR_TAGS, TOBAN, hands_off

NAME = "Name"
TAGS_MAX, KEY_MAX, VALUE_MAX = 50, 128, 256
#: So many keys a rule copies; every distinct set of values is a call of its own.
KEYS_MAX = 10
#: So many undone values of a key are kept.
UNDONE_MAX = 10
_BESIDE_LETTERS = frozenset(" +-=._:/@")
#: IAM takes "toban" for the tag Toban (infra.domain.onboarding), so that no key of ours is anybody's in other letters.
_OURS = frozenset(one.lower() for one in OUR_TAGS)


class Overwrite(StrEnum):
    """What happens to a value that stands there: it stays; only what Toban wrote is written anew; it is written anew."""

    NEVER = "never"
    OURS = "ours"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Rules:
    """keys: copied from the server, Name always the first. snapshots: those of the volume get them from it, too."""

    keys: tuple[str, ...] = (NAME,)
    overwrite: Overwrite = Overwrite.NEVER
    snapshots: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"keys": list(self.keys), "overwrite": str(self.overwrite), "snapshots": self.snapshots}


def within(rules: Rules, in_force: Collection[str] | None) -> Rules:
    """What of a rule an account's features in force are for (None: nobody chose any). The right on volumes alone is one to name them, and
    AWS refuses a call that holds any other tag as a whole."""
    if in_force is None or Feature.TAGS in in_force:
        return rules
    return replace(rules, keys=(NAME,) if Feature.VOLUMES in in_force else (), snapshots=False)


def rules_from_json(kept: Mapping[str, Any]) -> Rules:
    """Read back what `as_json` wrote."""
    return Rules(tuple(kept["keys"]), Overwrite(kept["overwrite"]), bool(kept["snapshots"]))


def key_problem(key: str) -> str:
    """Why a tag key cannot be copied (a code), or ""."""
    if len(key) > KEY_MAX:
        return "tag_key_long"
    if key.lower().startswith("aws:"):
        return "tag_key_of_aws"
    if key.lower() in _OURS or key.lower().startswith("toban:"):
        return "tag_key_of_toban"
    return "" if all(one.isalnum() or one in _BESIDE_LETTERS for one in key) else "tag_key_characters"


def value_problem(value: str) -> str:
    """Why RDS would take no such value of a tag (a code), or "". EC2 takes any. Source: RDS API reference, Tag."""
    if len(value) > VALUE_MAX or value.lower().startswith(("aws:", "rds:")):
        return "tag_value"
    fits = all(unicodedata.category(one)[0] in "LNZ" or one in "+-=._:/@" for one in value)
    return "" if fits else "tag_value"


def read_keys(text: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """(keys, problems as (key, code)) of a list with one key a line or between commas; Name is always the first."""
    keys = list(dict.fromkeys([NAME, *(one.strip() for one in text.replace(",", "\n").splitlines())]))
    wanted = [one for one in keys if one]
    problems = [(one[:KEY_MAX], why) for one in wanted if (why := key_problem(one))]
    if len(wanted) > KEYS_MAX:
        problems.append((str(len(wanted)), "too_many_keys"))
    return tuple(wanted), tuple(problems)


@dataclass(frozen=True, slots=True)
class Marks:
    """What Toban wrote on something, by key, and which values it is not to write again because runs were undone, the newest last."""

    wrote: Mapping[str, str] = field(default_factory=dict)
    undone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, dict[str, Any]]:
        undone = {key: list(values) for key, values in self.undone.items()}
        kept: tuple[tuple[str, dict[str, Any]], ...] = (("wrote", dict(self.wrote)), ("undone", undone))
        return {name: value for name, value in kept if value}

    def is_undone(self, key: str, value: str) -> bool:
        return value in self.undone.get(key, ())

    @property
    def undone_tags(self) -> dict[str, str]:
        """As they are shown to people."""
        return {key: " / ".join(values) for key, values in self.undone.items()}

    def written(self, tags: Mapping[str, str]) -> Marks:
        """After Toban wrote these."""
        return Marks(
            {**self.wrote, **tags}, {key: value for key, value in self.undone.items() if key not in tags}
        )

    def never_again(self, tags: Mapping[str, str]) -> Marks:
        """From the moment on at which these are about to be undone."""
        undone = dict(self.undone)
        for key, value in tags.items():
            others = [one for one in undone.get(key, ()) if one != value]
            undone[key] = (*others, value)[-UNDONE_MAX:]
        return replace(self, undone=undone)

    def taken_back(self, tags: Mapping[str, str], ours: Mapping[str, str]) -> Marks:
        """After what Toban wrote was undone; ours: what stands there again that Toban had written before."""
        others = {key: value for key, value in self.wrote.items() if key not in tags}
        return replace(self.never_again(tags), wrote={**others, **ours})


def marks_from_json(kept: Mapping[str, Any]) -> Marks:
    """Read back what `as_json` wrote, also when it kept one undone value by key."""
    undone = {
        key: (found,) if isinstance(found, str) else tuple(found)
        for key, found in kept.get("undone", {}).items()
    }
    return Marks(kept.get("wrote", {}), undone)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be written: `tags`, over `before` ("" where nothing or a blank stands). no_room: keys beyond AWS's 50."""

    tags: Mapping[str, str]
    before: Mapping[str, str]
    no_room: tuple[str, ...] = ()


def wish(rules: Rules, source: Mapping[str, str], own: Mapping[str, str], marks: Marks) -> Wish:
    """What a rule asks for on something that serves `source`; nothing where it stands already or somebody undid it."""
    tags: dict[str, str] = {}
    no_room = []
    room = TAGS_MAX - sum(not key.startswith("aws:") for key in own)
    for key in rules.keys:
        value = source.get(key, "").strip()[:VALUE_MAX].rstrip()
        if not value or own.get(key, "").strip() == value or marks.is_undone(key, value):
            continue
        if own.get(key, "").strip() and not _may_overwrite(rules, own[key], marks.wrote.get(key)):
            continue
        if key not in own:
            if room <= 0:
                no_room.append(key)
                continue
            room -= 1
        tags[key] = value
    return Wish(tags, {key: own.get(key, "") for key in tags}, tuple(no_room))


def _may_overwrite(rules: Rules, stands: str, wrote: str | None) -> bool:
    if rules.overwrite is Overwrite.OURS:
        return wrote is not None and stands == wrote
    return rules.overwrite is Overwrite.ALWAYS


def allowed(rules: Rules, key: str, value: str, before: Mapping[str, str], marks: Marks) -> bool:
    """Whether a rule, as it is by now, lets a value be written over what stood there when that was entered; none that was undone since."""
    stands = before.get(key, "")
    over = not stands.strip() or _may_overwrite(rules, stands, marks.wrote.get(key))
    return key in rules.keys and over and not marks.is_undone(key, value)


def still_wanted(
    tags: Mapping[str, str], before: Mapping[str, str], own: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """(what is still to be written, what somebody wrote since the look that asked for it, which stays)."""
    rest: dict[str, str] = {}
    taken: dict[str, str] = {}
    for key, value in tags.items():
        stands = own.get(key, "")
        if stands.strip() == value:
            continue
        if stands == before.get(key, "") or not stands.strip():
            rest[key] = value
        else:
            taken[key] = stands
    return rest, taken


def shown_tags(tags: Mapping[str, str]) -> str:
    """Tags as one line: "Name=web, Owner=sato"."""
    return ", ".join(f"{key}={value}" for key, value in tags.items())


@dataclass(frozen=True, slots=True)
class Written:
    """One volume of a run: what was written over what."""

    id: str
    tags: Mapping[str, str]
    before: Mapping[str, str]


def undo(written: Written, own: Mapping[str, str] | None) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """(values to set again, keys to take away, what was changed since and is left) of one volume; None: it is gone. One that is not to
    be touched by now is left as it is."""
    if own is None:
        return {}, [], {}
    again: dict[str, str] = {}
    away: list[str] = []
    left: dict[str, str] = {}
    for key, value in written.tags.items():
        before, stands = written.before.get(key, ""), own.get(key)
        if stands == value:
            if before:
                again[key] = before
            else:
                away.append(key)
        elif (stands or "") != before:
            left[key] = stands or ""
    if (again or away) and hands_off(own):
        return {}, [], {TOBAN: own[TOBAN]}
    return again, away, left
