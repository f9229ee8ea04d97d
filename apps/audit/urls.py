from django.urls import path

from apps.audit import views

urlpatterns = [
    path("", views.history, name="auditlog"),
    path("export.csv", views.as_csv, name="auditlog-csv"),
    path("export.json", views.as_json, name="auditlog-json"),
]
