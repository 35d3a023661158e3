"""Every address: the door, each tenant's pages under /t/<slug>/, the API under /api/v1/, probes."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

import accounts.admin
import accounts.urls
import infra.admin
import infra.urls
import medical_audit.admin.windows
import medical_audit.urls
import redmine_sync.admin
import redmine_sync.urls
from config import api, health
from medical_audit.admin.site import site

tenant_api: list[URLPattern | URLResolver] = [
    *accounts.urls.tenant_api_urlpatterns,
    *infra.urls.api_urlpatterns,
    *medical_audit.urls.api_urlpatterns,
    *redmine_sync.urls.api_urlpatterns,
]
api_patterns: list[URLPattern | URLResolver] = [
    *accounts.urls.api_urlpatterns,
    path("<slug:slug>/", include(tenant_api)),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("language/", set_language, name="set_language"),
    path("api/v1/schema/", api.schema, name="api-schema"),
    path("api/v1/docs/", api.docs, name="api-docs"),
    path("api/v1/tenants/", include((api_patterns, "api"))),
    path("t/<slug:slug>/admin/", site.urls),
    path("t/<slug:slug>/", include("infra.urls")),
    path("t/<slug:slug>/", include("medical_audit.urls")),
    path("t/<slug:slug>/", include((accounts.urls.tenant_urlpatterns, "inbox"))),
    path("t/<slug:slug>/", include((accounts.urls.people_urlpatterns, "people"))),
    path("t/<slug:slug>/", include("redmine_sync.urls")),
    path("", include((redmine_sync.urls.hook_urlpatterns, "hooks"))),
    path("", include("accounts.urls")),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
