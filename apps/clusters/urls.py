"""Addresses of instances, clusters and nodes; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.clusters.views import clusters, hurry, instances, nodes, power

INSTANCE = "instances/<slug:cluster_slug>/<str:instance>/"
VERBS = {"startup": power.startup, "shutdown": power.shutdown, "reboot": power.reboot}

urlpatterns = [
    path("", instances.instance_list, name="user-instances"),
    path("clearcache/", hurry.collect_now, name="clearcache"),
    path("clearcache", hurry.collect_now),
    *(path(f"{INSTANCE}{name}/", view, name=f"instance-{name}") for name, view in VERBS.items()),
    # Scripts post with and without the slash at the end: a redirect would lose what they post.
    *(path(f"{INSTANCE}{name}", view) for name, view in VERBS.items()),
    path("cluster/detail/", clusters.cluster_detail, name="clusterdetails"),
    path("cluster/nodes/", nodes.node_list, name="cluster-nodes"),
    path("cluster/nodes/<slug:cluster_slug>/<str:node>/", nodes.node_detail, name="cluster-node"),
    path(INSTANCE, instances.instance_detail, name="instance-detail"),
]
