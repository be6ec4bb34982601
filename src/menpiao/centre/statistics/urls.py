"""Addresses of the statistics pages."""

from django.urls import path

from menpiao.centre.statistics import pages

urlpatterns = [
    path("", pages.live, name="statistics_live"),
    path("ticket/", pages.ticket, name="statistics_ticket"),
]
