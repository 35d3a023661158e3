"""Addresses of this floor, all under a tenant; the top floor says where they begin."""

from django.urls import path

from medical_audit.api import audits as audit_api
from medical_audit.api import ledger, policies
from medical_audit.api import operations as api
from medical_audit.api import overview as overview_api
from medical_audit.api import papers as paper_api
from medical_audit.api import record as record_api
from medical_audit.api.calls import address
from medical_audit.queries.reports import REPORTS
from medical_audit.views import (
    audits,
    authority,
    emergencies,
    own,
    reports,
    requirements,
    retention,
    reviews,
)
from medical_audit.views import ledger as ledger_views
from medical_audit.views import operations as views
from medical_audit.views import sessions as session_views

app_name = "medical_audit"
urlpatterns = [
    path("operations/", views.operation_list, name="operations"),
    path("operations/<uuid:pk>/", views.operation_detail, name="operation"),
    path("operations/<uuid:pk>/confirm/", views.operation_confirm, name="operation-confirm"),
    path("operations/<uuid:pk>/reject/", views.operation_reject, name="operation-reject"),
    path("operations/<uuid:pk>/withdraw/", views.operation_withdraw, name="operation-withdraw"),
    path("operations/<uuid:pk>/cancel/", views.operation_cancel, name="operation-cancel"),
    path("ledger/", ledger_views.ledger, name="ledger"),
    path("ledger/events/<uuid:pk>/", ledger_views.event_detail, name="event"),
    path("ledger/exports/", ledger_views.exports, name="exports"),
    path("ledger/exports/<uuid:pk>/file/", ledger_views.export_file, name="export-file"),
    path("ledger/searches/", ledger_views.search_save, name="search-save"),
    path("ledger/searches/<uuid:pk>/forget/", ledger_views.search_forget, name="search-forget"),
    path("sessions/", session_views.session_list, name="sessions"),
    path("sessions/<uuid:pk>/end/", session_views.session_end, name="session-end"),
    path("policies/", session_views.policies, name="policies"),
    path("emergencies/", emergencies.emergency_list, name="emergencies"),
    path("emergencies/<uuid:pk>/", emergencies.emergency_detail, name="emergency"),
    path("emergencies/<uuid:pk>/close/", emergencies.emergency_close, name="emergency-close"),
    path("emergencies/<uuid:pk>/review/", emergencies.emergency_review, name="emergency-review"),
    path("audit/", audits.overview, name="audit"),
    path("audit/anomalies/", audits.anomaly_list, name="anomalies"),
    path("audit/anomalies/rules/", audits.anomaly_rules, name="anomaly-rules"),
    path("audit/reviews/", reviews.review_list, name="reviews"),
    path("audit/reviews/begin/", reviews.review_begin, name="review-begin"),
    path("audit/reviews/<uuid:pk>/", reviews.review_detail, name="review"),
    path("audit/reviews/<uuid:pk>/judge/", reviews.review_judge, name="review-judge"),
    path("audit/reviews/<uuid:pk>/sign/", reviews.review_sign, name="review-sign"),
    path("audit/reports/", reports.report_list, name="reports"),
    *(
        path(f"audit/reports/{name}/", reports.report, {"name": name}, name=f"report-{name}")
        for name in REPORTS
    ),
    path("audit/requirements/", requirements.requirement_list, name="requirements"),
    path("audit/clock/", audits.clock, name="clock"),
    path("ledger/verification/", views.verification, name="verification"),
    path("ledger/verification/verify/", views.verify, name="verify"),
    path("ledger/retention/", retention.retention, name="retention"),
    path("ledger/retention/purge/", retention.purge, name="retention-purge"),
    path("ledger/retention/purge/end/", retention.purge_end, name="retention-purge-end"),
    path("policies/confirm/", session_views.policy_confirm, name="policy-confirm"),
    path("operations/<uuid:pk>/correct/", views.operation_correct, name="operation-correct"),
    path("my-history/", own.history, name="own-history"),
    path("confirmations/", authority.queue, name="queue"),
    path("delegations/", authority.delegations, name="delegations"),
    path("delegations/<uuid:pk>/end/", authority.delegation_end, name="delegation-end"),
    path("deputies/", authority.deputies, name="deputies"),
]
api_urlpatterns = [
    path("operations/<uuid:pk>/", address(get=api.operation_get), name="operation"),
    path("operations/<uuid:pk>/confirm/", address(post=api.operation_confirm), name="operation-confirm"),
    path("operations/<uuid:pk>/reject/", address(post=api.operation_reject), name="operation-reject"),
    path("operations/<uuid:pk>/withdraw/", address(post=api.operation_withdraw), name="operation-withdraw"),
    path("operations/<uuid:pk>/cancel/", address(post=api.operation_cancel), name="operation-cancel"),
    path("operations/<uuid:pk>/correct/", address(post=api.operation_correct), name="operation-correct"),
    path("events/", address(get=ledger.event_list), name="events"),
    path("events/<uuid:pk>/", address(get=record_api.event_get), name="event"),
    path("confirmations/", address(get=record_api.queue_get), name="queue"),
    path("my-history/", address(get=record_api.own_events), name="own-history"),
    path("my-history/in-my-name/", address(get=record_api.own_proxies), name="own-proxies"),
    path("my-history/sessions/", address(get=record_api.own_sessions), name="own-sessions"),
    path("searches/", address(get=record_api.search_list, post=record_api.search_save), name="searches"),
    path("searches/<uuid:pk>/", address(delete=record_api.search_forget), name="search"),
    path("audit/", address(get=overview_api.audit_overview), name="audit"),
    path("clock/", address(get=overview_api.clock_get), name="clock"),
    path("requirements/", address(get=overview_api.requirement_list), name="requirements"),
    path("sessions/", address(get=ledger.session_list), name="sessions"),
    path("sessions/<uuid:pk>/end/", address(post=ledger.session_end), name="session-end"),
    path(
        "verification/",
        address(get=ledger.verification_get, post=ledger.verification_ask),
        name="verification",
    ),
    path("policy/", address(get=policies.policy_get, post=policies.policy_enter), name="policy"),
    path(
        "confirm-policies/",
        address(get=policies.confirm_policy_list, post=policies.confirm_policy_enter),
        name="confirm-policies",
    ),
    path(
        "delegations/",
        address(get=policies.delegation_list, post=policies.delegation_enter),
        name="delegations",
    ),
    path("delegations/<uuid:pk>/end/", address(post=policies.delegation_end), name="delegation-end"),
    path("deputies/", address(get=policies.deputies_get, post=policies.deputies_enter), name="deputies"),
    path(
        "emergencies/",
        address(get=audit_api.emergency_list, post=audit_api.emergency_ask),
        name="emergencies",
    ),
    path("emergencies/<uuid:pk>/", address(get=audit_api.emergency_get), name="emergency"),
    path("emergencies/<uuid:pk>/close/", address(post=audit_api.emergency_close), name="emergency-close"),
    path("emergencies/<uuid:pk>/review/", address(post=audit_api.emergency_review), name="emergency-review"),
    path("anomalies/", address(get=audit_api.anomaly_list), name="anomalies"),
    path(
        "anomalies/limits/",
        address(get=audit_api.anomaly_limits_get, post=audit_api.anomaly_limits_enter),
        name="anomaly-limits",
    ),
    path("reviews/", address(get=audit_api.review_list, post=audit_api.review_begin), name="reviews"),
    path("reviews/<uuid:pk>/", address(get=audit_api.review_get), name="review"),
    path("reviews/<uuid:pk>/items/", address(get=audit_api.review_items), name="review-items"),
    path("reviews/<uuid:pk>/judge/", address(post=audit_api.review_judge), name="review-judge"),
    path("reviews/<uuid:pk>/sign-off/", address(post=audit_api.review_sign_off), name="review-sign-off"),
    path("exports/", address(get=paper_api.export_list, post=paper_api.export_ask), name="exports"),
    path("exports/<uuid:pk>/", address(get=paper_api.export_get), name="export"),
    path("exports/<uuid:pk>/file/", address(get=paper_api.export_file), name="export-file"),
    *(
        path(f"reports/{name}/", address(get=paper_api.report_of(name)), name=f"report-{name}")
        for name in REPORTS
    ),
    path(
        "retention/",
        address(get=paper_api.retention_get, post=paper_api.retention_enter),
        name="retention",
    ),
    path("retention/purge/", address(post=paper_api.purge_enter), name="retention-purge"),
    path("retention/purge/end/", address(post=paper_api.purge_end), name="retention-purge-end"),
]
