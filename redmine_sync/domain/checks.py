"""What a look at a Redmine server found, check by check, and whether it is enough to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEY_FIELD = "portal_key"
#: What Toban's user must be allowed to do in a project, by Redmine's names.
RIGHTS = ("view_issues", "add_issues", "edit_issues", "add_issue_notes")


class Found(StrEnum):
    OK = "ok"
    WARNING = "late"
    WRONG = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """`code` for words; `params` fill them."""

    code: str
    found: Found
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "found": str(self.found), "params": dict(self.params)}


def is_enough(checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nothing that was found speaks against connecting."""
    return bool(checks) and all(one["found"] != Found.WRONG for one in checks)


def judge(
    *,
    login: str,
    admin: bool,
    has_open: bool,
    has_closed: bool,
    projects: Sequence[Mapping[str, Any]],
    tells_fields: bool,
    rights: Mapping[int, frozenset[str]],
    filtered: bool | None,
) -> list[Check]:
    """All checks of a server that answered. projects: {"id", "identifier", "usable", "field"} each."""
    checks = [Check("key_accepted", Found.OK, {"login": login})]
    if admin:
        checks.append(Check("key_is_admin", Found.WARNING, {"login": login}))
    if not tells_fields:
        return [*checks, Check("server_too_old", Found.WRONG)]
    if not (has_open and has_closed):
        checks.append(Check("statuses_missing", Found.WRONG))
    usable = [one for one in projects if one["usable"]]
    if not usable:
        return [*checks, Check("no_project", Found.WRONG, {"login": login})]
    checks.append(Check("projects_seen", Found.OK, {"n": len(usable)}))
    with_field = [one for one in usable if one["field"]]
    if not with_field:
        return [*checks, Check("field_missing", Found.WRONG, {"field": KEY_FIELD})]
    without = [str(one["identifier"]) for one in usable if not one["field"]]
    if without:
        checks.append(
            Check("field_partly", Found.WARNING, {"field": KEY_FIELD, "projects": ", ".join(without[:10])})
        )
    else:
        checks.append(Check("field_found", Found.OK, {"field": KEY_FIELD}))
    checks.append(_filter(filtered))
    checks += _rights(with_field, rights, admin=admin)
    return checks


def _filter(filtered: bool | None) -> Check:
    if filtered is None:
        return Check("filter_unproven", Found.WARNING, {"field": KEY_FIELD})
    return (
        Check("filter_works", Found.OK)
        if filtered
        else Check("filter_broken", Found.WRONG, {"field": KEY_FIELD})
    )


def _rights(
    projects: Sequence[Mapping[str, Any]], rights: Mapping[int, frozenset[str]], *, admin: bool
) -> list[Check]:
    if admin:
        return []
    lacking = {
        str(one["identifier"]): sorted(set(RIGHTS) - rights.get(int(one["id"]), frozenset()))
        for one in projects
    }
    short = {name: missing for name, missing in lacking.items() if missing}
    if not short:
        return [Check("rights_enough", Found.OK)]
    params = {
        "projects": ", ".join(list(short)[:10]),
        "rights": ", ".join(sorted({r for m in short.values() for r in m})),
    }
    found = Found.WRONG if len(short) == len(projects) else Found.WARNING
    return [Check("rights_missing", found, params)]
