"""Addresses of instances, clusters and nodes; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.clusters.views import (
    access,
    bulk,
    clusters,
    console,
    danger,
    graphs,
    history,
    hurry,
    instances,
    jobs,
    nodes,
    popup,
    power,
    settings,
)

INSTANCE = "instances/<slug:cluster_slug>/<str:instance>/"
GRAPH = "graph/<slug:cluster_slug>/<str:instance>/<str:graph_type>"
SPAN = "<str:start>,<str:end>"
GRAPHS = [GRAPH, f"{GRAPH}/{SPAN}", f"{GRAPH}/{SPAN}/<str:nic>", f"{GRAPH}/<str:nic>"]
BY_NAME = {
    "tags": ("instance-tags", access.tags),
    "lock": ("lock", access.lock),
    "isolate": ("isolate", access.isolate),
}
VERBS = {"startup": power.startup, "shutdown": power.shutdown, "reboot": power.reboot}
# What is asked for first and done through a mailed link: (path, view, name)
CONFIRMED = (
    ("danger", danger.danger, "instance-danger"),
    ("reinstalldestroy", danger.destroy, "instance-destroy"),
    ("reinstall", danger.reinstall, "instance-reinstall"),
    ("rename", danger.rename, "instance-rename"),
)

urlpatterns = [
    path("", instances.instance_list, name="user-instances"),
    path("clearcache/", hurry.collect_now, name="clearcache"),
    path("clearcache", hurry.collect_now),
    # These know a bare name, see views/access.py; without one they say so. They come before what begins with a cluster.
    *(path(f"instances/{word}/<str:instance>", view) for word, (_, view) in BY_NAME.items()),
    *(path(f"instances/{word}/<str:instance>/", view, name=name) for word, (name, view) in BY_NAME.items()),
    *(path(f"instances/{word}", view) for word, (_, view) in BY_NAME.items()),
    *(path(f"instances/{word}/", view, name=name) for word, (name, view) in BY_NAME.items()),
    path("tagusergrps/", access.tagusergroups, name="tagusergroups"),
    path("tagusergrps", access.tagusergroups),
    path(f"{INSTANCE}access/", access.instance_access, name="instance-access"),
    path(f"{INSTANCE}subnet/", access.let_in, name="instance-let-in"),
    path("instances/bulk/", bulk.propose, name="instance-bulk"),
    path("instances/bulk/<int:number>/", bulk.look, name="instance-bulk-detail"),
    path("instances/bulk/<int:number>/begin/", bulk.begin, name="instance-bulk-begin"),
    path("instances/bulk/<int:number>/cancel/", bulk.cancel, name="instance-bulk-cancel"),
    *(path(f"{INSTANCE}{name}/", view, name=f"instance-{name}") for name, view in VERBS.items()),
    # Scripts post with and without the slash at the end: a redirect would lose what they post.
    *(path(f"{INSTANCE}{name}", view) for name, view in VERBS.items()),
    *(path(f"{INSTANCE}{where}/", view, name=name) for where, view, name in CONFIRMED),
    *(path(f"{INSTANCE}{where}", view) for where, view, name in CONFIRMED),
    path("cluster/instance/destreinst/<str:key>/<int:action_id>/", danger.review, name="reinstall-destroy-review"),
    path(f"{INSTANCE}graphs/", graphs.instance_graphs, name="instance-graphs"),
    path("graph/all/", graphs.batch, name="cluster-get-nodes-graphs"),
    path("graph/<slug:cluster_slug>/instances/", graphs.batch, name="cluster-get-nodes-graphs"),
    *(path(address, graphs.graph, name="graph") for address in GRAPHS),
    path(f"{INSTANCE}settings/", settings.instance_settings, name="instance-settings"),
    path(INSTANCE, settings.instance_page, name="instance-detail"),
    path(f"{INSTANCE}history/", history.history, name="instance-history"),
    path("cluster/popup/", popup.popup, name="instance-popup"),
    path(f"{INSTANCE}novnc/", console.console, name="instance-novnc"),
    path(f"{INSTANCE}novnc-proxy/", console.ticket, name="instance-novnc-proxy"),
    path(f"{INSTANCE}novnc-proxy", console.ticket),
    path("cluster/detail/", clusters.cluster_detail, name="clusterdetails"),
    path("cluster/jobdetails/", jobs.by_number, name="jobdets-popup"),
    path("cluster/jobdetails", jobs.by_number),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/json/", jobs.as_json, name="jobs_json"),
    path("jobs/<slug:cluster_slug>/<int:number>/", jobs.job_detail, name="job-detail"),
    path("jobs/<slug:cluster_slug>/<int:number>/cancel/", jobs.cancel, name="job-cancel"),
    path("cluster/nodes/", nodes.node_list, name="cluster-nodes"),
    path("cluster/nodes/<slug:cluster_slug>/<str:node>/", nodes.node_detail, name="cluster-node"),
]
