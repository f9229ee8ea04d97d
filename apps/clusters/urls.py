"""Addresses of instances; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.clusters.views import instances, power

urlpatterns = [
    path("", instances.instance_list, name="user-instances"),
    path("instances/<slug:cluster_slug>/<str:instance>/startup/", power.startup, name="instance-startup"),
    path("instances/<slug:cluster_slug>/<str:instance>/shutdown/", power.shutdown, name="instance-shutdown"),
    path("instances/<slug:cluster_slug>/<str:instance>/reboot/", power.reboot, name="instance-reboot"),
    path("instances/<slug:cluster_slug>/<str:instance>/", instances.instance_detail, name="instance-detail"),
]
