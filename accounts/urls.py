"""Addresses of this floor: the door, and inside a tenant a person's own inbox."""

from django.urls import path

from accounts import api, views

app_name = "accounts"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("signed-out/", views.signed_out, name="signed-out"),
    path("lock/", views.lock, name="lock"),
    path("seat/", views.seat, name="seat"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/<uuid:pk>/end/", views.session_end, name="session-end"),
    path("tenants/", views.tenants, name="tenants"),
]
#: Under a tenant's address; the top floor says where they begin.
tenant_urlpatterns = [
    path("inbox/", views.inbox, name="list"),
    path("inbox/read/", views.inbox_read, name="read"),
    path("inbox/settings/", views.inbox_settings, name="settings"),
]
api_urlpatterns = [path("", api.tenant_list, name="tenants")]
