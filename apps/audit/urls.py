from django.urls import path

from apps.audit import views

urlpatterns = [path("", views.history, name="auditlog")]
