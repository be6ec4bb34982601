"""Every address of the pages; the servers' JSON doors are Starlette routes before them."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("menpiao.centre.booking.urls")),
    path("counter/", include("menpiao.centre.counter.urls")),
    path("lanes/", include("menpiao.centre.check.urls")),
    path("statistics/", include("menpiao.centre.statistics.urls")),
    path("view/", include("menpiao.centre.design.urls")),
    path("console/", admin.site.urls),
]
