"""Addresses of this floor: the door, and inside a tenant a person's own inbox."""

from django.urls import path

from accounts.api import channels as channel_api
from accounts.api import members as member_api
from accounts.api import notices as notice_api
from accounts.api import rights as rights_api
from accounts.api import sign_on as sign_on_api
from accounts.api import tenants
from accounts.api import tokens as token_api
from accounts.views import (
    admissions,
    channels,
    members,
    notices,
    passkeys,
    passwords,
    readable,
    reconcile,
    rights,
    second_factor,
    sign_on,
    tokens,
)
from accounts.views import door as views
from medical_audit.api.calls import address

app_name = "accounts"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", second_factor.second_step, name="second-step"),
    path("sign-in/with/<uuid:house>/", sign_on.leave_for_provider, name="sign-on"),
    path("sign-in/with/<uuid:house>/back/", sign_on.come_back, name="sign-on-back"),
    path("sign-in/with/<uuid:house>/ended/", sign_on.ended_there, name="sign-on-ended"),
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
    path("admissions/", admissions.admissions, name="admissions"),
    path("admissions/<uuid:pk>/", admissions.admission, name="admission"),
]
#: Under a tenant's address; the top floor says where they begin.
tenant_urlpatterns = [
    path("inbox/", views.inbox, name="list"),
    path("inbox/read/", views.inbox_read, name="read"),
    path("inbox/settings/", notices.inbox_settings, name="settings"),
]
#: Also under a tenant's address, in a space of its own.
people_urlpatterns = [
    path("members/", members.member_list, name="members"),
    path("members/<uuid:pk>/change/", members.member_change, name="member-change"),
    path("readable/", readable.readable_people, name="readable"),
    path("members/admit/", members.member_admit, name="member-admit"),
    path("members/admissions/<uuid:pk>/take-back/", members.admission_take_back, name="admission-take-back"),
    path("members/reconcile/", reconcile.reconcile, name="reconcile"),
    path("members/rights/", rights.rights, name="rights"),
    path("members/sign-on/", sign_on.settings_page, name="sign-on"),
    path("tokens/", tokens.token_list, name="tokens"),
    path("tokens/<uuid:pk>/end/", tokens.token_end, name="token-end"),
    path("channels/", channels.channel_list, name="channels"),
    path("channels/<uuid:pk>/", channels.channel_detail, name="channel"),
    path("channels/<uuid:pk>/do/", channels.channel_do, name="channel-do"),
    path("channels/dispatches/<uuid:pk>/", channels.dispatch_decide, name="dispatch-decide"),
]
api_urlpatterns = [path("", address(get=tenants.tenant_list), name="tenants")]
tenant_api_urlpatterns = [
    path("", address(get=tenants.me_get), name="me"),
    path("members/", address(get=member_api.member_list, post=member_api.member_invite), name="members"),
    path(
        "members/admit/",
        address(get=member_api.admission_list, post=member_api.member_admit),
        name="member-admit",
    ),
    path(
        "members/admit/<uuid:pk>/",
        address(delete=member_api.admission_take_back),
        name="admission-take-back",
    ),
    path("members/<uuid:pk>/", address(get=member_api.member_get), name="member"),
    path("members/<uuid:pk>/grant/", address(post=member_api.member_grant), name="member-grant"),
    path("members/<uuid:pk>/revoke/", address(post=member_api.member_revoke), name="member-revoke"),
    path("members/<uuid:pk>/close/", address(post=member_api.member_close), name="member-close"),
    path("members/<uuid:pk>/reissue/", address(post=member_api.member_reissue), name="member-reissue"),
    path("members/<uuid:pk>/unbind/", address(post=member_api.member_unbind), name="member-unbind"),
    path("members/<uuid:pk>/terms/", address(put=member_api.member_terms), name="member-terms"),
    path("members/<uuid:pk>/tokens/", address(post=member_api.member_issue), name="member-tokens"),
    path("roles/", address(get=member_api.role_table), name="roles"),
    path("rights/", address(get=rights_api.rights_get, post=rights_api.rights_begin), name="rights"),
    path("rights/decide/", address(post=rights_api.rights_decide), name="rights-decide"),
    path("roster/look/", address(post=rights_api.roster_look), name="roster-look"),
    path("roster/", address(post=rights_api.roster_enter), name="roster"),
    path("readable/", address(get=rights_api.readable_get, post=rights_api.readable_erase), name="readable"),
    path("sign-on/", address(get=sign_on_api.sign_on_get, put=sign_on_api.sign_on_set), name="sign-on"),
    path("sign-on/mode/", address(put=sign_on_api.sign_on_switch), name="sign-on-mode"),
    path("tokens/", address(get=token_api.token_list), name="tokens"),
    path("tokens/<uuid:pk>/", address(delete=token_api.token_delete), name="token"),
    path("channels/", address(get=channel_api.channel_list, post=channel_api.channel_open), name="channels"),
    path(
        "channels/<uuid:pk>/",
        address(get=channel_api.channel_get, put=channel_api.channel_change, delete=channel_api.channel_end),
        name="channel",
    ),
    path("channels/<uuid:pk>/rotate/", address(post=channel_api.channel_rotate), name="channel-rotate"),
    path("channels/<uuid:pk>/replay/", address(post=channel_api.channel_replay), name="channel-replay"),
    path("channels/<uuid:pk>/dispatches/", address(get=channel_api.dispatch_list), name="channel-dispatches"),
    path("dispatches/<uuid:pk>/replay/", address(post=channel_api.dispatch_replay), name="dispatch-replay"),
    path(
        "dispatches/<uuid:pk>/discard/", address(post=channel_api.dispatch_discard), name="dispatch-discard"
    ),
    path("inbox/", address(get=notice_api.inbox_list), name="inbox"),
    path("inbox/waiting/", address(get=notice_api.inbox_waiting), name="inbox-waiting"),
    path("inbox/read/", address(post=notice_api.inbox_read), name="inbox-read"),
    path("inbox/deliveries/", address(get=notice_api.mail_list), name="inbox-deliveries"),
    path("inbox/choice/", address(get=notice_api.choice_get, put=notice_api.choice_put), name="inbox-choice"),
]
