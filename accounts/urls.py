"""Addresses of this floor: the door, and inside a tenant a person's own inbox."""

from django.urls import path

from accounts.api import tenants
from accounts.api import tokens as token_api
from accounts.views import door as views
from accounts.views import members, passkeys, passwords, second_factor, tokens
from medical_audit.api.calls import address

app_name = "accounts"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", second_factor.second_step, name="second-step"),
    path("second-factor/", second_factor.own_factor, name="second-factor"),
    path("second-factor/question/", passkeys.question, name="passkey-question"),
    path("password/", passwords.own_password, name="password"),
    path("invitation/<str:link>/", passwords.invitation, name="invitation"),
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
#: Also under a tenant's address, in a space of its own.
people_urlpatterns = [
    path("members/", members.member_list, name="members"),
    path("members/<uuid:pk>/change/", members.member_change, name="member-change"),
    path("tokens/", tokens.token_list, name="tokens"),
    path("tokens/<uuid:pk>/end/", tokens.token_end, name="token-end"),
]
api_urlpatterns = [path("", address(get=tenants.tenant_list), name="tenants")]
tenant_api_urlpatterns = [
    path("", address(get=tenants.me_get), name="me"),
    path("tokens/", address(get=token_api.token_list), name="tokens"),
    path("tokens/<uuid:pk>/", address(delete=token_api.token_delete), name="token"),
]
