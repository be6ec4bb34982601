"""Addresses that belong to every page: its language, its size of type, who signs in."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.i18n import set_language

from menpiao.centre.design.views import elder

urlpatterns = [
    path("language/", set_language, name="set_language"),
    path("elder/", elder, name="elder"),
    path(
        "login/",
        LoginView.as_view(template_name="design/login.html", next_page="/"),
        name="login",
    ),
    path("logout/", LogoutView.as_view(next_page="/view/login/"), name="logout"),
]
