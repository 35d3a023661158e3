"""Addresses of this floor, all under a tenant; the top floor says where they begin."""

from django.urls import path

from infra import api
from infra.views import (
    accounts,
    calendar,
    editor,
    fleet,
    holiday_lists,
    overrides,
    planning,
    prices,
    schedules,
)

app_name = "infra"
urlpatterns = [
    path("", fleet.today, name="today"),
    path("resources/", fleet.resource_list, name="resources"),
    path("resources/<uuid:pk>/", fleet.resource_detail, name="resource"),
    path("volumes/", fleet.volume_list, name="volumes"),
    path("operations/enter/", fleet.operation_enter, name="operation-enter"),
    path("schedules/", schedules.schedule_list, name="schedules"),
    path("schedules/new/", editor.schedule_new, name="schedule-new"),
    path("schedules/<uuid:pk>/", schedules.schedule_detail, name="schedule"),
    path("schedules/<uuid:pk>/edit/", editor.schedule_edit, name="schedule-edit"),
    path("schedules/<uuid:pk>/publish/", schedules.schedule_publish, name="schedule-publish"),
    path("schedules/<uuid:pk>/publish/forecast.csv", schedules.schedule_forecast, name="schedule-forecast"),
    path("schedules/<uuid:pk>/compare/", schedules.schedule_compare, name="schedule-compare"),
    path("schedules/<uuid:pk>/archive/", schedules.schedule_archive, name="schedule-archive"),
    path("schedules/assign/", schedules.assign, name="assign"),
    path("prices/", prices.price_list, name="prices"),
    path("prices/table.csv", prices.price_table, name="price-table"),
    path("calendar/", calendar.month, name="calendar"),
    path("calendar/change/", calendar.change, name="calendar-change"),
    path("calendar/lists/", holiday_lists.receive, name="calendar-lists"),
    path("calendar/lists/adopt/", holiday_lists.adopt, name="calendar-adopt"),
    path("calendar/lists/turn-down/", holiday_lists.turn_down, name="calendar-turn-down"),
    path("calendar/feeds/", holiday_lists.follow, name="calendar-feeds"),
    path("calendar/feeds/fetch/", holiday_lists.fetch_now, name="calendar-fetch"),
    path("planning/", planning.planning_page, name="planning"),
    path("planning/export/", planning.export, name="planning-export"),
    path("planning/schema/", planning.schema, name="planning-schema"),
    path("overrides/", overrides.override_list, name="overrides"),
    path("overrides/enter/", overrides.enter, name="override-enter"),
    path("overrides/rules/", overrides.change_rules, name="rules-change"),
    path("overrides/end/", overrides.end, name="override-end"),
    path("accounts/", accounts.account_list, name="accounts"),
    path("accounts/new/", accounts.account_new, name="account-new"),
    path("accounts/setup/<uuid:pk>/", accounts.account_setup, name="account-setup"),
    path("accounts/setup/<uuid:pk>/template/", accounts.account_template, name="account-template"),
    path("accounts/<uuid:pk>/", accounts.account_detail, name="account"),
    path("accounts/<uuid:pk>/prove/", accounts.account_prove, name="account-prove"),
    path("accounts/<uuid:pk>/automation/", accounts.account_automation, name="account-automation"),
]
api_urlpatterns = [
    path("resources/", api.resource_list, name="resources"),
    path("resources/<uuid:pk>/", api.resource_detail, name="resource"),
    path("volumes/", api.volume_list, name="volumes"),
    path("operations/", api.operation_list, name="operations"),
]
