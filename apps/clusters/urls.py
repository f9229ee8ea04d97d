"""Addresses of instances; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.clusters.views import access, hurry, instances, power

INSTANCE = "instances/<slug:cluster_slug>/<str:instance>/"
BY_NAME = {
    "tags": ("instance-tags", access.tags),
    "lock": ("lock", access.lock),
    "isolate": ("isolate", access.isolate),
}
VERBS = {"startup": power.startup, "shutdown": power.shutdown, "reboot": power.reboot}

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
    *(path(f"{INSTANCE}{name}/", view, name=f"instance-{name}") for name, view in VERBS.items()),
    # Scripts post with and without the slash at the end: a redirect would lose what they post.
    *(path(f"{INSTANCE}{name}", view) for name, view in VERBS.items()),
    path(INSTANCE, instances.instance_detail, name="instance-detail"),
]
