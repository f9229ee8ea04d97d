"""Addresses of mail to owners; their paths and names are those of ganetimgr 2.x."""

from django.urls import path

from apps.notifications.views import archive, composing

urlpatterns = [
    path("notifications/", composing.notify, name="notify"),
    path("notifications/usergrps/", composing.find_recipients, name="usergroups"),
    path("notifications/archive/<int:notification>/", archive.details, name="notification-details"),
    path("notifications/<str:instance>/", composing.notify, name="notify"),
]
