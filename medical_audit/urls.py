"""Addresses of this floor, all under a tenant; the top floor says where they begin."""

from django.urls import path

from medical_audit import api, views

app_name = "medical_audit"
urlpatterns = [
    path("operations/", views.operation_list, name="operations"),
    path("operations/<uuid:pk>/", views.operation_detail, name="operation"),
    path("operations/<uuid:pk>/confirm/", views.operation_confirm, name="operation-confirm"),
    path("operations/<uuid:pk>/reject/", views.operation_reject, name="operation-reject"),
    path("operations/<uuid:pk>/withdraw/", views.operation_withdraw, name="operation-withdraw"),
    path("operations/<uuid:pk>/cancel/", views.operation_cancel, name="operation-cancel"),
    path("ledger/", views.ledger, name="ledger"),
]
api_urlpatterns = [
    path("operations/<uuid:pk>/", api.operation_detail, name="operation"),
    path("operations/<uuid:pk>/confirm/", api.operation_confirm, name="operation-confirm"),
    path("operations/<uuid:pk>/reject/", api.operation_reject, name="operation-reject"),
    path("operations/<uuid:pk>/withdraw/", api.operation_withdraw, name="operation-withdraw"),
    path("operations/<uuid:pk>/cancel/", api.operation_cancel, name="operation-cancel"),
    path("events/", api.event_list, name="events"),
]
