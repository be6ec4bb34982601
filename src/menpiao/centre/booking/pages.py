"""The visitor's pages (patent parts 102 and 703 meet here); every one works without JavaScript."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

import segno
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from menpiao.centre.booking.forms import FindForm, Party, refusal_text, small_number
from menpiao.centre.booking.service import BookingService
from menpiao.centre.design import door
from menpiao.centre.design.service import AttemptService
from menpiao.centre.design.signin import too_many
from menpiao.centre.design.templatetags.design import is_english
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.booking import DayAvailability, OrderView, RefundUntil, SlotAvailability

_LONGEST_WINDOW_DAYS = 62
_FEW = 20
_Places = TypeVar("_Places")
_OrderPage = Callable[[HttpRequest, str], HttpResponse]
_TOKEN = re.compile(r"[0-9A-Za-z_-]{16,64}")


def _service() -> BookingService:
    return door.service(BookingService)


def page(
    request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page of this server, with what every one says of the site."""
    context["site"] = door.call(_service().site())
    return render(request, f"booking/{name}.html", context, status=status)


def _product(code: str) -> Product:
    for product in door.call(_service().products()):
        if product.code == code:
            return product
    raise Http404


def _found(outcome: list[_Places] | Refusal) -> list[_Places]:
    if isinstance(outcome, Refusal):
        raise Http404
    return outcome


@require_safe
def products(request: HttpRequest) -> HttpResponse:
    """What is on sale."""
    return page(request, "products", {"products": door.call(_service().products())})


def weeks(first: date, days: list[DayAvailability]) -> list[tuple[date, list[list[Any]]]]:
    """Days laid out by month, in weeks from Monday; an empty place is None, a date is closed."""
    known = {day.date: day for day in days}
    last = max(known, default=first)
    months: list[tuple[date, list[list[Any]]]] = []
    at = first
    while at <= last:
        if not months or months[-1][0].month != at.month:
            months.append((at.replace(day=1), [[None] * at.weekday()]))
        rows = months[-1][1]
        if len(rows[-1]) == 7:
            rows.append([])
        rows[-1].append(known.get(at, at))
        at += timedelta(days=1)
    for _month, rows in months:
        rows[-1] += [None] * (7 - len(rows[-1]))
    return months


@require_safe
def calendar(request: HttpRequest, code: str) -> HttpResponse:
    """The days of the sale window with their places."""
    product = _product(code)
    today = door.call(_service().today())
    count = min(product.sale_days + 1, _LONGEST_WINDOW_DAYS)
    found = _found(door.call(_service().calendar(product.id, today, count)))
    context = {"product": product, "months": weeks(today, found), "few": _FEW, "days": found}
    return page(request, "calendar", context)


@require_safe
def slots(request: HttpRequest, code: str, day: date) -> HttpResponse:
    """The slots of a day; a day ticket goes on at once."""
    product = _product(code)
    found = _found(door.call(_service().slots(product.id, day)))
    if product.kind == "dated" and len(found) == 1 and found[0].remaining > 0:
        return HttpResponseRedirect(reverse("visitors", args=[code, day, found[0].id]))
    return page(request, "slots", {"product": product, "day": day, "slots": found})


def _slot(product: Product, day: date, slot_id: int, *, filled: bool) -> SlotAvailability | None:
    found = _found(door.call(_service().slots(product.id, day, chosen=filled)))
    return next((slot for slot in found if slot.id == slot_id), None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def visitors(request: HttpRequest, code: str, day: date, slot_id: int) -> HttpResponse:
    """Who comes: fill in, grow and shrink the party, look the price over, order."""
    product = _product(code)
    slot = _slot(product, day, slot_id, filled=request.method == "POST")
    if slot is None:
        return HttpResponseRedirect(reverse("slots", args=[code, day]))
    context = {"product": product, "day": day, "slot": slot}
    posted = request.POST if request.method == "POST" else None
    action = posted.get("do", "") if posted is not None else ""
    wanted = _wanted(posted, action) if posted is not None else None
    checked = action in {"review", "book"} and wanted is None
    party = Party(product, posted, english=is_english(), check=checked)
    if wanted is not None:
        party.resize(wanted)
        if action == "add":
            party.begin_at_last()
    elif (place := small_number(action.removeprefix("remove-"))) is not None:
        party.remove(place)
    elif checked and party.is_valid():
        return _review(request, party, context, book=action == "book")
    return _edit(request, party, context)


def _wanted(posted: QueryDict, action: str) -> int | None:
    """How many visitors are asked for; None: as many as there are.

    Who types another number and goes on at once means that number too.
    """
    count = small_number(posted.get("count", "")) or 1
    match action:
        case "add" | "more":
            return count + 1
        case "less":
            return count - 1
        case "count" | "review":
            typed = small_number(posted.get("wanted", ""))
            return typed if typed is not None and (typed != count or action == "count") else None
        case _:
            return None


def _edit(request: HttpRequest, party: Party, context: dict[str, Any]) -> HttpResponse:
    bad = any(form.errors for form in (*party.visitors, party.phone)) or party.trouble
    context |= {"party": party, "bad": bad}
    if party.trouble is not None:
        context["trouble"] = refusal_text(party.trouble, english=is_english())
    return page(request, "visitors", context, 422 if bad else 200)


def _review(
    request: HttpRequest, party: Party, context: dict[str, Any], *, book: bool
) -> HttpResponse:
    slot_id, language = context["slot"].id, get_language() or "zh-hans"
    token = request.POST.get("token", "") if book else ""
    if not _TOKEN.fullmatch(token):
        token = secrets.token_urlsafe(24)
    agreed = request.POST.get("terms") == "1"
    expected = small_number(request.POST.get("expected_fen", ""))
    if book and agreed and expected is not None:
        asked = party.request(slot_id, token, expected, language)
        sold = door.call(_service().book(asked))
        if not isinstance(sold, Refusal):
            target = "pay" if sold.total_fen else "order"
            return to_order(target, sold.order_no, sold.secret)
        if sold.reason is not Reason.PRICE_CHANGED:
            party.refuse(sold)
            return _edit(request, party, context)
        context["trouble"] = refusal_text(sold, english=is_english())
        token = secrets.token_urlsafe(24)
    quote = door.call(_service().quote(party.request(slot_id, token, None, language)))
    if isinstance(quote, Refusal):
        party.refuse(quote)
        return _edit(request, party, context)
    ends_at = context["slot"].ends_at + timedelta(days=context["product"].valid_days - 1)
    context["refund_rule"] = [
        RefundUntil(until=until, percent=percent)
        for until, percent in context["product"].refund.deadlines(ends_at)
    ]
    context |= {"party": party, "quote": quote, "token": token, "unagreed": book and not agreed}
    bad = context["unagreed"] or "trouble" in context
    return page(request, "review", context, 422 if bad else 200)


def to_order(name: str, order_no: str, secret: str) -> HttpResponseRedirect:
    """To a page of an order, with the secret that opens it."""
    address = reverse(name, args=[order_no]) + "?" + urlencode({"k": secret})
    return HttpResponseRedirect(address, status=303)


def for_its_buyer(view: Callable[[HttpRequest, OrderView], HttpResponse]) -> _OrderPage:
    """Give a page the order that it is about; who tries secrets is stopped.

    Only wrong secrets are counted: a page that watches its order never meets the limit.
    """

    @wraps(view)
    def opened(request: HttpRequest, order_no: str) -> HttpResponse:
        secret = request.GET.get("k", "")
        found = door.call(_service().order(order_no, secret)) if secret.isascii() else None
        if found is not None:
            return view(request, found)
        limits = door.service(AttemptService)
        counted = limits.secret(request.META.get("REMOTE_ADDR", ""))
        if wait_s := door.call(limits.begin(counted)):
            return too_many(request, wait_s)
        raise Http404

    return opened


def qr_svg(text: str) -> SafeString:
    """A QR code to be put into a page: paths only, no script, no style."""
    svg = segno.make(text, error="m").svg_inline(border=2, omitsize=True, svgclass=None)
    return mark_safe(svg)  # noqa: S308 - segno draws paths; the text is not in them


@never_cache
@require_safe
@for_its_buyer
def pay(request: HttpRequest, found: OrderView) -> HttpResponse:
    """The code to scan and the time that is left; goes on by itself when the money is here."""
    if found.state != "awaiting_payment":
        target = to_order("order", found.order_no, request.GET["k"])
        if "HX-Request" in request.headers:
            return HttpResponseClientRedirect(target.url)
        return target
    left = found.expires_at - datetime.now(UTC) if found.expires_at else timedelta()
    minutes, seconds = divmod(max(0, int(left.total_seconds())), 60)
    context = {
        "order": found,
        "left": f"{minutes:02d}:{seconds:02d}",
        "over": left <= timedelta(),
        "qr": qr_svg(found.code_url) if found.code_url else "",
    }
    return page(request, "pay", context)


@never_cache
@require_safe
@for_its_buyer
def order(request: HttpRequest, found: OrderView) -> HttpResponse:
    """The order: what was bought, for whom, what to bring."""
    if found.state == "awaiting_payment":
        return to_order("pay", found.order_no, request.GET["k"])
    still_valid = any(ticket.state == "valid" for ticket in found.tickets)
    codes = [(ticket, qr_svg(ticket.code)) for ticket in found.tickets if ticket.code]
    context = {"order": found, "still_valid": still_valid, "codes": codes}
    return page(request, "order", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Look an order up again, with what only its buyer knows."""
    form = FindForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        given = form.cleaned_data
        asked = (given["order_no"].strip(), given["phone"].strip(), given["last4"])
        limits = door.service(AttemptService)
        counted = limits.look_up(asked[0], request.META.get("REMOTE_ADDR", ""))
        if wait_s := door.call(limits.begin(counted)):
            return too_many(request, wait_s)
        secret = door.call(_service().find(*asked))
        if secret is not None:
            door.call(limits.succeeded(counted))
            return to_order("order", asked[0], secret)
        form.add_error(None, refusal_text(Refusal(Reason.ORDER_UNKNOWN), english=is_english()))
    return page(request, "find", {"form": form}, 422 if form.errors else 200)
