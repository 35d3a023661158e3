"""Repositories in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.saying.fields import field
from config.words import repositories, sentence
from config.words.codes import CODES


def step_word(code: object) -> str:
    return str(repositories.STEPS.get(str(code), code))


def step_words(step: Mapping[str, Any]) -> str:
    """What one step found or did; what git or Redmine said stands behind it."""
    told = [sentence(CODES, str(step["code"]), {})] if step.get("code") else []
    told += [
        text % {"names": ", ".join(map(str, step[name]))}
        for name, text in (
            ("new", _("new branches: %(names)s")),
            ("gone", _("deleted branches: %(names)s")),
            ("forced", _("rewritten by force: %(names)s")),
        )
        if step.get(name)
    ]
    if step.get("lost"):
        told.append(
            _("commits that Redmine remembers and that cannot be had any more: %(n)s") % {"n": step["lost"]}
        )
    if step.get("unread"):
        told.append(_("commits that Redmine has not read: %(n)s") % {"n": step["unread"]})
    if step.get("left"):
        told.append(_("commits whose links are proven by the next visit: %(n)s") % {"n": step["left"]})
    if "n" in step:
        told.append(_step_count(str(step["step"]), int(step["n"])))
    if step.get("detail"):
        told.append(f"({step['detail']})")
    return " ".join(one for one in told if one)


def _step_count(step: str, n: int) -> str:
    texts = {
        "remote": _("branches: %(n)s"), "proof": _("asked about: %(n)s"), "links": _("links that stand: %(n)s"),
        "backfill": _("commits gone through: %(n)s"),
    }  # fmt: skip
    return texts[step] % {"n": n} if step in texts else ""


def cause_word(code: object) -> str:
    return str(repositories.CAUSES.get(str(code), code))


def rule_words(code: object) -> str:
    """What is known of Redmine's keywords."""
    return str(repositories.RULES.get(str(code), code))


def hint_words(code: object) -> str:
    """How a commit's message was written, and why that does not do what people expect."""
    return str(repositories.HINTS.get(str(code), code))


def removal_word(code: object) -> str:
    return str(repositories.REMOVAL[str(code)][0])


def removal_help(code: object) -> str:
    return str(repositories.REMOVAL[str(code)][1])


def repository_state(row: object) -> str:
    """The code of a repository's state as its badge shows it: trouble comes before everything."""
    if field(row, "state") == "active":
        if field(row, "problem"):
            return "trouble"
        if int(str(field(row, "silent") or 0)) > 0:
            return "silent"
    return str(field(row, "state"))


def short_commit(value: object) -> str:
    return str(value or "")[:10]


def per_cent(done: object, total: object) -> int:
    whole = int(str(total or 0))
    return 100 if not whole else min(100, 100 * int(str(done)) // whole)
