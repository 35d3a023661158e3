"""The steps of leaving a repository, in their order."""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """STOPPED is done by the confirmation itself, MIRROR by a worker, the others by people outside Toban."""

    STOPPED = "stopped"
    HOOK = "hook"
    DEPLOY_KEY = "deploy_key"
    REDMINE = "redmine"
    MIRROR = "mirror"


STEPS = tuple(Step)
#: Done by people outside Toban, who say so.
BY_HAND = frozenset({Step.HOOK, Step.DEPLOY_KEY, Step.REDMINE})
