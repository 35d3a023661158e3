"""Requirement by requirement: what Toban does, what is so right now, and which test proves it."""

from collections import Counter

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medical_audit.forms import text_of
from medical_audit.operations.auditing import note_view
from medical_audit.queries.requirements import requirement_lines, versions
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import ZONE, month_of


@require_safe
def requirement_list(request: TenantRequest, slug: str) -> HttpResponse:
    """`?edition=<guideline>-<version>` shows that edition's clauses; without it the ones in force today."""
    month, today = month_of(request.GET, request.now), request.now.astimezone(ZONE).date()
    note_view("requirements", month.since, month.until, actor=request.actor, now=request.now)
    editions = versions()
    asked = text_of(request.GET, "edition")
    chosen = [one for one in editions if f"{one.guideline}-{one.version}" == asked] or [
        one for one in editions if one.in_force(today)
    ]
    lines = requirement_lines(month.since, month.until, actor=request.actor, now=request.now)
    tests = {one.name: one for line in lines for one in line.tests}
    context = {
        "month": month,
        "editions": [
            (one, f"{one.guideline}-{one.version}", one in chosen, one.in_force(today)) for one in editions
        ],
        "lines": [
            {
                "row": line.requirement,
                "evidence": line.evidence,
                "tests": line.tests,
                "tested": line.tested,
                "clauses": [
                    (one, clause)
                    for one in editions
                    if (clause := line.requirement.clauses.get((one.guideline, one.version)))
                ],
                "uncompared": not any(
                    (one.guideline, one.version) in line.requirement.clauses for one in chosen
                ),
            }
            for line in lines
        ],
        "covered": sum(line.requirement.toban is not None for line in lines),
        "tests": len(tests),
        "tested": Counter(one.outcome for one in tests.values()),
        "last_run": max((one.at for one in tests.values() if one.at), default=None),
    }
    return render(request, "medical_audit/requirement_list.html", context)
