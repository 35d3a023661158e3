"""Addresses of this floor: pages under a tenant, and where GitHub delivers."""

from django.urls import path

from medical_audit.api.calls import address
from redmine_sync.api import keys as key_api
from redmine_sync.api import redmine as redmine_api
from redmine_sync.api import repositories as repository_api
from redmine_sync.api import tickets as api
from redmine_sync.views import asking, hooks, repositories, tickets

app_name = "redmine_sync"
urlpatterns = [
    path("tickets/", tickets.ticket_list, name="tickets"),
    path("tickets/left-over/", asking.left_over_tickets, name="left-over-tickets"),
    path("tickets/stuck/", tickets.decide_entry, name="entry-decide"),
    path("tickets/differing/", tickets.decide_ticket, name="ticket-decide"),
    path("tickets/redmine/", tickets.redmine, name="redmine"),
    path("tickets/redmine/draft/", tickets.draft, name="redmine-draft"),
    path("tickets/redmine/look/", tickets.probe, name="redmine-look"),
    path("tickets/redmine/connect/", tickets.connect, name="redmine-connect"),
    path("tickets/redmine/hook/", tickets.hook, name="redmine-hook"),
    path("tickets/redmine/leave/", tickets.leave, name="redmine-leave"),
    path("tickets/rules/", tickets.rule, name="ticket-rule"),
    path("tickets/rules/end/", tickets.rule_end, name="ticket-rule-end"),
    path("repositories/", repositories.repository_list, name="repositories"),
    path("repositories/new/", repositories.repository_new, name="repository-new"),
    path("repositories/<uuid:pk>/", repositories.repository, name="repository"),
    path("repositories/<uuid:pk>/fetch/", repositories.fetch, name="repository-fetch"),
    path("repositories/<uuid:pk>/do/", repositories.do, name="repository-do"),
    path("repositories/<uuid:pk>/enter/", repositories.enter, name="repository-enter"),
]
#: What other programs send has no tenant in its address: the signature says whose it is. The second is the plugin's address.
hook_urlpatterns = [
    path("githook", hooks.githook, name="githook"),
    path("github_hook", hooks.githook, name="github_hook"),
    path("redminehook/<uuid:pk>", hooks.redminehook, name="redminehook"),
]
api_urlpatterns = [
    path("tickets/", address(get=api.ticket_list), name="tickets"),
    path("tickets/left-over/", address(post=api.left_over_tickets), name="left-over-tickets"),
    path("tickets/stuck/", address(get=api.entry_list), name="ticket-entries"),
    path("tickets/stuck/<uuid:pk>/retry/", address(post=api.entry_retry), name="ticket-entry-retry"),
    path("tickets/stuck/<uuid:pk>/discard/", address(post=api.entry_discard), name="ticket-entry-discard"),
    path("tickets/<uuid:pk>/push/", address(post=api.ticket_push), name="ticket-push"),
    path("tickets/<uuid:pk>/take/", address(post=api.ticket_take), name="ticket-take"),
    path("redmine/", address(get=redmine_api.redmine_list, post=redmine_api.redmine_draft), name="redmine"),
    path("redmine/<uuid:pk>/look/", address(post=redmine_api.redmine_look), name="redmine-look"),
    path("redmine/<uuid:pk>/connect/", address(post=redmine_api.redmine_connect), name="redmine-connect"),
    path("redmine/<uuid:pk>/leave/", address(post=redmine_api.redmine_leave), name="redmine-leave"),
    path(
        "redmine/<uuid:pk>/hook/",
        address(post=redmine_api.redmine_hook_make, delete=redmine_api.redmine_hook_end),
        name="redmine-hook",
    ),
    path(
        "ticket-rules/",
        address(get=redmine_api.ticket_rule_list, post=redmine_api.ticket_rule_enter),
        name="ticket-rules",
    ),
    path("ticket-rules/<uuid:pk>/end/", address(post=redmine_api.ticket_rule_end), name="ticket-rule-end"),
    path(
        "repositories/",
        address(get=repository_api.repository_list, post=key_api.repository_draft),
        name="repositories",
    ),
    path(
        "repositories/<uuid:pk>/",
        address(get=repository_api.repository_get, delete=key_api.repository_drop),
        name="repository",
    ),
    path("repositories/<uuid:pk>/look/", address(post=key_api.repository_look), name="repository-look"),
    path(
        "repositories/<uuid:pk>/backfill/",
        address(post=key_api.repository_backfill),
        name="repository-backfill",
    ),
    path(
        "repositories/<uuid:pk>/keys/",
        address(get=key_api.repository_keys_get, post=key_api.repository_key_make),
        name="repository-keys",
    ),
    path(
        "repositories/<uuid:pk>/secret/",
        address(post=key_api.repository_secret_make, delete=key_api.repository_secret_end),
        name="repository-secret",
    ),
    path(
        "repositories/<uuid:pk>/service-key/",
        address(put=key_api.repository_service_key),
        name="repository-service-key",
    ),
    path("repositories/<uuid:pk>/step/", address(post=key_api.repository_step), name="repository-step"),
    path("repositories/<uuid:pk>/end/", address(post=key_api.repository_end), name="repository-end"),
    path(
        "repositories/<uuid:pk>/deliveries/",
        address(get=repository_api.delivery_list),
        name="repository-deliveries",
    ),
    path(
        "repositories/<uuid:pk>/fetch/",
        address(post=repository_api.repository_fetch),
        name="repository-fetch",
    ),
    path(
        "repositories/<uuid:pk>/enter/",
        address(post=repository_api.repository_enter),
        name="repository-enter",
    ),
]
