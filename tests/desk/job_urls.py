"""The site's addresses, and a page for each job."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ganetimgr.urls import urlpatterns as of_the_site


def job_detail(request: HttpRequest, cluster_slug: str, job_id: int) -> HttpResponse:
    return HttpResponse(f"{cluster_slug} {job_id}")


urlpatterns = [path("jobs/<slug:cluster_slug>/<int:job_id>/", job_detail, name="job-detail"), *of_the_site]
