"""Addresses of this floor, all under a tenant; the top floor says where they begin."""

from django.urls import path

from infra import api, views

app_name = "infra"
urlpatterns = [
    path("", views.today, name="today"),
    path("resources/", views.resource_list, name="resources"),
    path("resources/<uuid:pk>/", views.resource_detail, name="resource"),
    path("volumes/", views.volume_list, name="volumes"),
    path("operations/enter/", views.operation_enter, name="operation-enter"),
]
api_urlpatterns = [
    path("resources/", api.resource_list, name="resources"),
    path("resources/<uuid:pk>/", api.resource_detail, name="resource"),
    path("volumes/", api.volume_list, name="volumes"),
    path("operations/", api.operation_list, name="operations"),
]
