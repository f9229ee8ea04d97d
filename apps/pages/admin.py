"""The site's texts and its address in Django's admin: as Django has them, and told to the log."""

from django.contrib import admin
from django.contrib.flatpages.admin import FlatPageAdmin
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.admin import SiteAdmin
from django.contrib.sites.models import Site

from accounts import deeds
from accounts.administering import ToldAdmin

admin.site.unregister([FlatPage, Site])


@admin.register(FlatPage)
class TextAdmin(ToldAdmin, FlatPageAdmin):
    added, changed, deleted = deeds.TEXT_ADDED, deeds.TEXT_CHANGED, deeds.TEXT_DELETED


@admin.register(Site)
class OurSiteAdmin(ToldAdmin, SiteAdmin):
    added = changed = deleted = deeds.SITE_CHANGED
