"""Applications: paths and names are the predecessor's where it had such pages."""

from django.urls import path

from apps.applications.views import applying, keys, reviewing

urlpatterns = [
    path("application/apply/", applying.apply, name="apply"),
    path("application/draft/", applying.draft, name="application-draft"),
    path("application/hostname/", applying.hostname, name="application-hostname"),
    path("application/mine/", applying.mine, name="application-mine"),
    path("application/list/", reviewing.application_list, name="application-list"),
    path("application/save/", reviewing.create, name="application-save"),
    path("application/<int:application_id>/", applying.detail, name="application-detail"),
    path("application/<int:application_id>/withdraw/", applying.withdraw, name="application-withdraw"),
    path("application/<int:application_id>/answer/", applying.answer, name="application-answer"),
    path("application/<int:application_id>/again/", applying.again, name="application-again"),
    path("application/<int:application_id>/review/", reviewing.review, name="application-review"),
    path("application/<int:application_id>/<slug:cookie>/ssh_keys", keys.ssh_keys, name="instance-ssh-keys"),
    path("operating_systems/", applying.operating_systems, name="operating_systems_json"),
]
