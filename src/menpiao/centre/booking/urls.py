"""Addresses of the booking pages; no document number is in any of them."""

from datetime import date

from django.urls import path, register_converter

from menpiao.centre.booking import pages, pages_cancel


class DayConverter:
    """A date of the calendar: ``2026-10-01``."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        """The date; a ValueError is a page that is not there."""
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        """The date in an address."""
        return value.isoformat()


register_converter(DayConverter, "day")

urlpatterns = [
    path("", pages.products, name="products"),
    path("book/<slug:code>/", pages.calendar, name="calendar"),
    path("book/<slug:code>/<day:day>/", pages.slots, name="slots"),
    path("book/<slug:code>/<day:day>/<int:slot_id>/", pages.visitors, name="visitors"),
    path("orders/", pages.find, name="find"),
    path("orders/<str:order_no>/", pages.order, name="order"),
    path("orders/<str:order_no>/pay/", pages.pay, name="pay"),
    path("orders/<str:order_no>/cancel/", pages_cancel.cancel, name="cancel"),
]
