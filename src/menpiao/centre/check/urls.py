"""Addresses of the check server's pages."""

from django.urls import path

from menpiao.centre.check import pages, paper_pages

urlpatterns = [
    path("", pages.board, name="lanes"),
    path("part/", pages.part, name="lanes_part"),
    path("ticket/", pages.ticket, name="lanes_ticket"),
    path("command/", pages.command, name="lanes_command"),
    path("agree/", pages.agree, name="lanes_agree"),
    path("commands/", pages.history, name="lanes_history"),
    path("papers/", paper_pages.papers, name="papers"),
    path("papers/undo/", paper_pages.take_back, name="papers_undo"),
]
