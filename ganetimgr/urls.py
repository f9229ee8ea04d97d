"""Which address leads into which room."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.views import shell, signing_in
from ganetimgr import health, metrics

handler404 = "apps.clusters.views.gone.not_found"
handler500 = "accounts.views.shell.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/login/", signing_in.admin_sign_in, name="admin-sign-in"),
    path("admin/password_change/", RedirectView.as_view(pattern_name="pass_change"), name="admin-pass-change"),
    path("admin/", admin.site.urls),
    path("setlang/", shell.set_language, name="setlang"),
    path("history/", include("apps.audit.urls")),
    path("", include("accounts.urls")),
    path("", include("apps.pages.urls")),
    path("", include("apps.notifications.urls")),
    path("", include("apps.api.urls")),
    path("", include("apps.stats.urls")),
    path("", include("apps.desk.urls")),
    path("", include("apps.applications.urls")),
    path("", include("apps.clusters.urls")),
]
