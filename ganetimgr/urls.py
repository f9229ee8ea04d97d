"""Which address leads into which room."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from ganetimgr import health

handler500 = "accounts.views.shell.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("setlang/", set_language, name="setlang"),
    path("history/", include("apps.audit.urls")),
    path("", include("accounts.urls")),
    path("", include("apps.clusters.urls")),
]
