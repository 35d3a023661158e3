"""Addresses of this floor, all under a tenant; the top floor says where they begin."""

from django.urls import path

from infra.api import accounts as account_api
from infra.api import calendars as calendar_api
from infra.api import comparing as compare_api
from infra.api import databases as database_api
from infra.api import disks as disk_api
from infra.api import features as feature_api
from infra.api import left_over as left_over_api
from infra.api import lists as list_api
from infra.api import makings as making_api
from infra.api import organization as organization_api
from infra.api import overrides as override_api
from infra.api import planning as planning_api
from infra.api import projects as project_api
from infra.api import reach as reach_api
from infra.api import regions as region_api
from infra.api import resources as resource_api
from infra.api import schedules as schedule_api
from infra.api import tagging as tagging_api
from infra.api import today as today_api
from infra.views import (
    accounts,
    calendar,
    database_makings,
    databases,
    diagnosis,
    disks,
    editor,
    fleet,
    holiday_lists,
    organization,
    overrides,
    planning,
    prices,
    projects,
    reach,
    rotations,
    schedules,
    snapshot_copies,
    tagging,
    volumes,
)
from medical_audit.api.calls import address
from medical_audit.api.operations import operation_list

app_name = "infra"
urlpatterns = [
    path("", fleet.today, name="today"),
    path("resources/", fleet.resource_list, name="resources"),
    path("resources/<uuid:pk>/", fleet.resource_detail, name="resource"),
    path("databases/", databases.database_list, name="databases"),
    path("databases/new/", database_makings.database_new, name="database-new"),
    path("databases/certificates/", rotations.rotation_list, name="rotations"),
    path("databases/certificates/<uuid:pk>/", rotations.rotation_detail, name="rotation"),
    path("databases/certificates/<uuid:pk>/check/", rotations.rotation_check, name="rotation-check"),
    path("databases/certificates/<uuid:pk>/end/", rotations.rotation_end, name="rotation-end"),
    path("databases/snapshots/", databases.snapshot_list, name="snapshots"),
    path("databases/snapshots/<uuid:pk>/", databases.snapshot_detail, name="snapshot"),
    path(
        "databases/snapshots/<uuid:pk>/restore/", database_makings.database_restore, name="snapshot-restore"
    ),
    path("databases/snapshots/<uuid:pk>/copy/", snapshot_copies.snapshot_copy, name="snapshot-copy"),
    path("databases/<uuid:pk>/", databases.database_detail, name="database"),
    path("databases/<uuid:pk>/diagnose/", diagnosis.database_diagnose, name="database-diagnose"),
    path("databases/<uuid:pk>/remove/", database_makings.database_remove, name="database-remove"),
    path("databases/<uuid:pk>/reach/", reach.reach_open, name="reach-open"),
    path("databases/ways/<uuid:pk>/close/", reach.reach_close, name="reach-close"),
    path("databases/<uuid:pk>/snapshot/", databases.database_snapshot, name="database-snapshot"),
    path("volumes/snapshots/", disks.left_snapshots, name="left-snapshots"),
    path("volumes/staying/", disks.staying, name="staying"),
    path("volumes/tagging/", tagging.tagging_page, name="tagging"),
    path("volumes/tagging/rules/", tagging.rules_change, name="tagging-rules"),
    path("volumes/tagging/accounts/<uuid:pk>/", tagging.tagging_account, name="tagging-account"),
    path("volumes/tagging/runs/<uuid:pk>/", tagging.tagging_run, name="tagging-run"),
    path("volumes/", fleet.volume_list, name="volumes"),
    path("volumes/left-over/", volumes.left_over, name="left-over"),
    path("volumes/left-over/months/", volumes.left_over_months, name="left-over-months"),
    path("volumes/<uuid:pk>/", volumes.volume_detail, name="volume"),
    path("volumes/<uuid:pk>/restore/", volumes.volume_restore, name="volume-restore"),
    path("volumes/<uuid:pk>/delete/", volumes.volume_delete, name="volume-delete"),
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
    path("projects/", projects.project_list, name="projects"),
    path("projects/<uuid:pk>/", projects.project_change, name="project-change"),
    path("projects/<uuid:pk>/end/", projects.project_end, name="project-end"),
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
    path("accounts/rollouts/<uuid:pk>/", organization.rollout, name="rollout"),
    path("accounts/rollouts/<uuid:pk>/template/", organization.rollout_template, name="rollout-template"),
    path("accounts/<uuid:pk>/", accounts.account_detail, name="account"),
    path("accounts/<uuid:pk>/prove/", accounts.account_prove, name="account-prove"),
    path("accounts/<uuid:pk>/organization/", organization.account_organization, name="account-organization"),
    path("accounts/<uuid:pk>/automation/", accounts.account_automation, name="account-automation"),
    path("accounts/<uuid:pk>/features/", accounts.account_features, name="account-features"),
    path("accounts/<uuid:pk>/regions/", accounts.account_regions, name="account-regions"),
]
api_urlpatterns = [
    path("today/", address(get=today_api.today_get), name="today"),
    path("resources/", address(get=resource_api.resource_list), name="resources"),
    path("resources/<uuid:pk>/", address(get=resource_api.resource_get), name="resource"),
    path("projects/", address(get=project_api.project_list, post=project_api.project_enter), name="projects"),
    path(
        "projects/<uuid:pk>/",
        address(get=project_api.project_get, put=project_api.project_change, delete=project_api.project_end),
        name="project",
    ),
    path("volumes/", address(get=resource_api.volume_list), name="volumes"),
    path("volumes/left-over/", address(get=left_over_api.left_over_list), name="left-over"),
    path("volumes/left-over/months/", address(get=disk_api.left_over_months), name="left-over-months"),
    path("volumes/left-over/money/", address(get=left_over_api.left_over_money), name="left-over-money"),
    path("volumes/left-over/keep/", address(post=left_over_api.left_over_keep), name="left-over-keep"),
    path("volumes/left-over/delete/", address(post=left_over_api.left_over_delete), name="left-over-delete"),
    path(
        "volumes/staying/",
        address(get=disk_api.staying_list, post=disk_api.staying_change),
        name="staying",
    ),
    path("volume-snapshots/left-over/", address(get=disk_api.left_snapshot_list), name="left-snapshots"),
    path(
        "volume-snapshots/left-over/money/",
        address(get=disk_api.left_snapshot_money),
        name="left-snapshots-money",
    ),
    path(
        "volume-snapshots/left-over/keep/",
        address(post=disk_api.left_snapshot_keep),
        name="left-snapshots-keep",
    ),
    path(
        "volume-snapshots/left-over/delete/",
        address(post=disk_api.left_snapshot_delete),
        name="left-snapshots-delete",
    ),
    path("tagging/", address(get=tagging_api.tagging_list), name="tagging"),
    path(
        "tagging/rules/",
        address(get=tagging_api.tagging_rule_get, post=tagging_api.tagging_rule_enter),
        name="tagging-rules",
    ),
    path("tagging/rules/look/", address(post=tagging_api.tagging_rule_look), name="tagging-rules-look"),
    path("tagging/accounts/<uuid:pk>/", address(get=tagging_api.tagging_account), name="tagging-account"),
    path("tagging/runs/", address(get=tagging_api.tagging_run_list), name="tagging-runs"),
    path("tagging/runs/<uuid:pk>/", address(get=tagging_api.tagging_run_get), name="tagging-run"),
    path(
        "tagging/runs/<uuid:pk>/undo/",
        address(post=tagging_api.tagging_run_undo),
        name="tagging-run-undo",
    ),
    path("volumes/<uuid:pk>/", address(get=left_over_api.volume_get), name="volume"),
    path("volumes/<uuid:pk>/delete/", address(post=left_over_api.volume_delete), name="volume-delete"),
    path("volumes/<uuid:pk>/restore/", address(post=left_over_api.volume_restore), name="volume-restore"),
    path(
        "databases/",
        address(get=database_api.database_list, post=making_api.database_create),
        name="databases",
    ),
    path("databases/explain/", address(post=reach_api.message_explain), name="databases-explain"),
    path("database-places/", address(get=making_api.place_list), name="database-places"),
    path("databases/<uuid:pk>/remove/", address(post=making_api.database_remove), name="database-remove"),
    path(
        "databases/<uuid:pk>/reach/",
        address(get=reach_api.reach_get, post=reach_api.reach_open),
        name="database-reach",
    ),
    path("reach/<uuid:pk>/close/", address(post=reach_api.reach_close), name="reach-close"),
    path("databases/<uuid:pk>/hosts/", address(get=reach_api.host_list), name="database-hosts"),
    path(
        "databases/<uuid:pk>/diagnose/",
        address(post=reach_api.database_diagnose),
        name="database-diagnose",
    ),
    path("databases/<uuid:pk>/", address(get=database_api.database_get), name="database"),
    path(
        "databases/<uuid:pk>/snapshot/",
        address(post=database_api.database_snapshot),
        name="database-snapshot",
    ),
    path("database-snapshots/", address(get=database_api.snapshot_list), name="snapshots"),
    path(
        "database-snapshots/<uuid:pk>/",
        address(get=database_api.snapshot_get, delete=database_api.snapshot_delete),
        name="snapshot",
    ),
    path(
        "database-snapshots/<uuid:pk>/copy/",
        address(post=making_api.snapshot_copy),
        name="snapshot-copy",
    ),
    path(
        "database-snapshots/<uuid:pk>/restore/",
        address(get=making_api.restore_proposal, post=making_api.snapshot_restore),
        name="snapshot-restore",
    ),
    path(
        "certificate-campaigns/",
        address(get=database_api.campaign_list, post=database_api.campaign_enter),
        name="campaigns",
    ),
    path("certificate-campaigns/<uuid:pk>/", address(get=database_api.campaign_get), name="campaign"),
    path(
        "certificate-campaigns/<uuid:pk>/check/",
        address(post=database_api.campaign_check),
        name="campaign-check",
    ),
    path(
        "certificate-campaigns/<uuid:pk>/end/", address(post=database_api.campaign_end), name="campaign-end"
    ),
    path(
        "holiday-lists/",
        address(get=list_api.holiday_list_list, post=list_api.holiday_list_send),
        name="holiday-lists",
    ),
    path(
        "holiday-lists/<uuid:pk>/adopt/", address(post=list_api.holiday_list_adopt), name="holiday-list-adopt"
    ),
    path(
        "holiday-lists/<uuid:pk>/turn-down/",
        address(post=list_api.holiday_list_turn_down),
        name="holiday-list-turn-down",
    ),
    path(
        "holiday-feeds/",
        address(get=list_api.holiday_feed_list, put=list_api.holiday_feed_set),
        name="holiday-feeds",
    ),
    path(
        "planning/", address(get=planning_api.planning_get, post=planning_api.planning_enter), name="planning"
    ),
    path(
        "holiday-feeds/<uuid:pk>/fetch/",
        address(post=list_api.holiday_feed_fetch),
        name="holiday-feed-fetch",
    ),
    path("planning/schema/", address(get=planning_api.planning_schema), name="planning-schema"),
    path("planning/look/", address(post=planning_api.planning_look), name="planning-look"),
    path("prices/", address(get=planning_api.price_list, post=planning_api.price_enter), name="prices"),
    path("operations/", address(get=operation_list, post=resource_api.operation_enter), name="operations"),
    path("accounts/", address(get=account_api.account_list), name="accounts"),
    path("accounts/<uuid:pk>/", address(get=account_api.account_get), name="account"),
    path(
        "accounts/<uuid:pk>/automation/",
        address(post=account_api.account_automation),
        name="account-automation",
    ),
    path("accounts/<uuid:pk>/prove/", address(post=account_api.account_prove), name="account-prove"),
    path(
        "accounts/<uuid:pk>/features/",
        address(get=feature_api.account_features_get, put=feature_api.account_features_enter),
        name="account-features",
    ),
    path(
        "accounts/<uuid:pk>/regions/",
        address(get=region_api.account_regions_get, put=region_api.account_regions_enter),
        name="account-regions",
    ),
    path(
        "accounts/<uuid:pk>/organization/",
        address(get=organization_api.organization_get),
        name="account-organization",
    ),
    path(
        "accounts/<uuid:pk>/organization/switch-on/",
        address(post=organization_api.organization_switch_on),
        name="account-organization-switch-on",
    ),
    path(
        "accounts/<uuid:pk>/organization/list/",
        address(post=organization_api.organization_list),
        name="account-organization-list",
    ),
    path(
        "accounts/<uuid:pk>/organization/begin/",
        address(post=organization_api.rollout_begin),
        name="account-organization-begin",
    ),
    path("account-rollouts/<uuid:pk>/", address(get=organization_api.rollout_get), name="account-rollout"),
    path(
        "account-rollouts/<uuid:pk>/template/",
        address(get=organization_api.rollout_template),
        name="account-rollout-template",
    ),
    path(
        "account-rollouts/<uuid:pk>/prove/",
        address(post=organization_api.rollout_prove),
        name="account-rollout-prove",
    ),
    path(
        "account-rollouts/<uuid:pk>/take-in/",
        address(post=organization_api.rollout_take_in),
        name="account-rollout-take-in",
    ),
    path(
        "account-setups/",
        address(get=account_api.setup_list, post=account_api.setup_begin),
        name="account-setups",
    ),
    path(
        "account-setups/<uuid:pk>/",
        address(get=account_api.setup_get, delete=account_api.setup_give_up),
        name="account-setup",
    ),
    path(
        "account-setups/<uuid:pk>/template/",
        address(get=account_api.setup_template),
        name="account-setup-template",
    ),
    path(
        "account-setups/<uuid:pk>/prove/", address(post=account_api.setup_prove), name="account-setup-prove"
    ),
    path(
        "account-setups/<uuid:pk>/take-in/",
        address(post=account_api.setup_take_in),
        name="account-setup-take-in",
    ),
    path(
        "schedules/",
        address(get=schedule_api.schedule_list, post=schedule_api.schedule_create),
        name="schedules",
    ),
    path("schedules/<uuid:pk>/", address(get=schedule_api.schedule_get), name="schedule"),
    path(
        "schedules/<uuid:pk>/draft/",
        address(get=schedule_api.draft_get, put=schedule_api.draft_put, delete=schedule_api.draft_delete),
        name="schedule-draft",
    ),
    path(
        "schedules/<uuid:pk>/compare/",
        address(get=compare_api.schedule_compare),
        name="schedule-compare",
    ),
    path(
        "schedules/<uuid:pk>/forecast/",
        address(get=compare_api.schedule_forecast),
        name="schedule-forecast",
    ),
    path(
        "schedules/<uuid:pk>/publish/", address(post=schedule_api.schedule_publish), name="schedule-publish"
    ),
    path(
        "schedules/<uuid:pk>/archive/", address(post=schedule_api.schedule_archive), name="schedule-archive"
    ),
    path(
        "schedules/<uuid:pk>/restore/", address(post=schedule_api.schedule_restore), name="schedule-restore"
    ),
    path(
        "assignments/",
        address(get=schedule_api.assignment_get, post=schedule_api.assignment_enter),
        name="assignments",
    ),
    path("calendar/", address(get=calendar_api.calendar_days), name="calendar"),
    path("calendar/changes/", address(post=calendar_api.calendar_change), name="calendar-changes"),
    path(
        "overrides/",
        address(get=override_api.override_list, post=override_api.override_enter),
        name="overrides",
    ),
    path("overrides/<uuid:pk>/end/", address(post=override_api.override_end), name="override-end"),
    path("rules/", address(get=override_api.rules_get, post=override_api.rules_enter), name="rules"),
]
