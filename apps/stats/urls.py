"""Addresses of the figures; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.stats import views

urlpatterns = [
    path("stats/", views.stats, name="stats"),
    path("stats/applications/", views.applications, name="stats_ajax_apps"),
    path("stats/instances/", views.instances, name="stats_ajax_instances"),
    path("stats/vms_cluster/<slug:cluster_slug>/", views.vms_of_cluster, name="stats_ajax_vms_pc"),
]
