"""Addresses of instances; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.clusters.views import danger, hurry, instances, power

INSTANCE = "instances/<slug:cluster_slug>/<str:instance>/"
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
    *(path(f"{INSTANCE}{name}/", view, name=f"instance-{name}") for name, view in VERBS.items()),
    # Scripts post with and without the slash at the end: a redirect would lose what they post.
    *(path(f"{INSTANCE}{name}", view) for name, view in VERBS.items()),
    *(path(f"{INSTANCE}{where}/", view, name=name) for where, view, name in CONFIRMED),
    *(path(f"{INSTANCE}{where}", view) for where, view, name in CONFIRMED),
    path("cluster/instance/destreinst/<str:key>/<int:action_id>/", danger.review, name="reinstall-destroy-review"),
    path(INSTANCE, instances.instance_detail, name="instance-detail"),
]
