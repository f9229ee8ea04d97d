"""Addresses of what the site says about itself; the texts are Django's flat pages, with addresses below /about/."""

from django.urls import path

from apps.pages import views

urlpatterns = [
    path("news/", views.news, name="news"),
    path("news", views.news),
    path("about/faq/", views.about, {"slug": "faq"}, name="faq"),
    path("about/<slug:slug>/", views.about, name="about"),
    path("about/<slug:slug>/<slug:language>/", views.text, name="about-text"),
]
