"""Addresses of the clerk's pages."""

from django.urls import path

from menpiao.centre.counter import pages

urlpatterns = [
    path("", pages.counter, name="counter"),
    path("ticket/", pages.ticket, name="counter_ticket"),
]
