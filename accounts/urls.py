"""Addresses of this floor; none lies inside a tenant."""

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
api_urlpatterns = [path("", api.tenant_list, name="tenants")]
