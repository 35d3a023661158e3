"""Addresses of this floor, all under a tenant."""

from django.urls import path

from redmine_sync import views

app_name = "redmine_sync"
urlpatterns = [
    path("tickets/", views.ticket_list, name="tickets"),
    path("tickets/stuck/", views.decide_entry, name="entry-decide"),
    path("tickets/differing/", views.decide_ticket, name="ticket-decide"),
    path("tickets/redmine/", views.redmine, name="redmine"),
    path("tickets/redmine/draft/", views.draft, name="redmine-draft"),
    path("tickets/redmine/look/", views.probe, name="redmine-look"),
    path("tickets/redmine/connect/", views.connect, name="redmine-connect"),
    path("tickets/redmine/leave/", views.leave, name="redmine-leave"),
    path("tickets/rules/", views.rule, name="ticket-rule"),
    path("tickets/rules/end/", views.rule_end, name="ticket-rule-end"),
]
