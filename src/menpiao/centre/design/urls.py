"""Addresses that belong to every page: its language and its size of type."""

from django.urls import path
from django.views.i18n import set_language

from menpiao.centre.design.views import elder

urlpatterns = [
    path("language/", set_language, name="set_language"),
    path("elder/", elder, name="elder"),
]
