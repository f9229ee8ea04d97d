"""The paths and names of "user-info" and "idle_accounts" are those of ganetimgr 2.x."""

from django.urls import path

from apps.desk.views import idle, info, lists, now, search

urlpatterns = [
    path("search/", search.search, name="search"),
    path("desk/", now.desk, name="desk"),
    path("desk/strip/", now.strip, name="desk-strip"),
    path("user/list/", lists.users, name="user-list"),
    path("user/groups/", lists.groups, name="group-list"),
    path("user/idle/", idle.idle_accounts, name="idle_accounts"),
    # a path, for names of groups may hold anything, slashes too; addresses are made by the second name
    path("user/info/group/<path:name>/", info.info, {"kind": "group"}, name="group-info"),
    path("user/info/<str:kind>/<path:name>/", info.info, name="user-info"),
]
