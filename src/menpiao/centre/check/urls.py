"""Addresses of the check server's pages."""

from django.urls import path

from menpiao.centre.check import device_pages, pages, paper_pages

urlpatterns = [
    path("", pages.board, name="lanes"),
    path("part/", pages.part, name="lanes_part"),
    path("ticket/", pages.ticket, name="lanes_ticket"),
    path("command/", pages.command, name="lanes_command"),
    path("agree/", pages.agree, name="lanes_agree"),
    path("commands/", pages.history, name="lanes_history"),
    path("papers/", paper_pages.papers, name="papers"),
    path("papers/undo/", paper_pages.take_back, name="papers_undo"),
    path("devices/", device_pages.devices, name="devices"),
    path("devices/part/", device_pages.devices_part, name="devices_part"),
    path("devices/code/", device_pages.code, name="devices_code"),
    path("devices/settings/", device_pages.site_settings, name="devices_settings"),
    path("devices/<int:device_id>/", device_pages.device, name="device"),
    path("devices/<int:device_id>/part/", device_pages.device_part, name="device_part"),
    path("devices/<int:device_id>/act/", device_pages.act, name="device_act"),
    path("devices/<int:device_id>/settings/", device_pages.device_settings, name="device_settings"),
    path("devices/<int:device_id>/logs/<int:task_id>/", device_pages.log, name="device_log"),
]
