"""The visitor's page for giving an order up, or tickets back: choose, see what returns, confirm."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from menpiao.centre.booking.forms import refusal_text, small_number
from menpiao.centre.booking.pages import for_its_buyer, page, to_order
from menpiao.centre.booking.service import CancelService
from menpiao.centre.design import door
from menpiao.centre.design.templatetags.design import is_english
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.booking import CancelAsked, OrderTicket, OrderView

_MOST = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_its_buyer
def cancel(request: HttpRequest, found: OrderView) -> HttpResponse:
    """Give up or give back. Nothing is done before the sum that returns was shown."""
    if not found.cancellable:
        return _refused(request, found)
    context: dict[str, Any] = {"order": found, "key": request.GET["k"]}
    given = request.POST if request.method == "POST" else request.GET
    named = set(given.getlist("t")[:_MOST])
    offered = [t for t in found.tickets if t.refund_fen is not None]
    chosen = [t for t in offered if t.ticket_no in named]
    if len(offered) == 1:
        chosen = offered
    expected_fen = small_number(request.POST.get("expected_fen", ""))
    if request.method == "POST" and expected_fen is not None:
        return _confirmed(request, context, chosen, expected_fen)
    if found.state == "awaiting_payment":
        return page(request, "cancel_unpaid", context)
    if not chosen:
        missed = "step" in request.GET or request.method == "POST"
        context |= {"offered": offered, "missed": missed}
        return page(request, "cancel_choose", context, 422 if missed else 200)
    return _offer(request, context, chosen)


def _refused(request: HttpRequest, found: OrderView) -> HttpResponse:
    """Nothing to give back, or nothing any more: the order itself says how it stands."""
    if request.method == "POST":
        return to_order("order", found.order_no, request.GET["k"])
    on_the_way = any(r.state in {"requested", "submitted"} for r in found.refunds)
    context = {"order": found, "key": request.GET["k"], "on_the_way": on_the_way}
    return page(request, "cancel_refused", context)


def _offer(
    request: HttpRequest,
    context: dict[str, Any],
    chosen: Sequence[OrderTicket],
    trouble: Refusal | None = None,
) -> HttpResponse:
    """What would return for these tickets, to be confirmed."""
    found: OrderView = context["order"]
    asked = CancelAsked(tickets=[t.ticket_no for t in chosen])
    quote = door.call(_service().quote(found.order_no, context["key"], asked))
    if isinstance(quote, Refusal):
        trouble = quote
    context |= {
        "chosen": chosen,
        "several": len([t for t in found.tickets if t.refund_fen is not None]) > 1,
        "refund_fen": None if quote is None or isinstance(quote, Refusal) else quote.refund_fen,
    }
    if trouble is not None:
        context["trouble"] = _text(trouble)
    return page(request, "cancel_confirm", context, 200 if trouble is None else 422)


def _confirmed(
    request: HttpRequest,
    context: dict[str, Any],
    chosen: Sequence[OrderTicket],
    expected_fen: int,
) -> HttpResponse:
    found: OrderView = context["order"]
    numbers = [t.ticket_no for t in chosen]
    if found.state != "awaiting_payment" and not numbers:
        # Whoever pressed twice, or came too late: the order says how it stands.
        return to_order("order", found.order_no, context["key"])
    asked = CancelAsked(tickets=numbers, expected_fen=expected_fen)
    done = door.call(_service().cancel(found.order_no, context["key"], asked))
    if not isinstance(done, Refusal):
        return to_order("order", found.order_no, context["key"])
    if found.state == "awaiting_payment":
        # It was paid in this very moment: what can be done with it now is asked anew.
        return to_order("cancel", found.order_no, context["key"])
    return _offer(request, context, chosen, done)


def _text(refusal: Refusal) -> str:
    if refusal.reason is Reason.MINOR_ALONE:
        return _("余下的都是儿童，须有成人陪同：请把儿童票一并退掉，或保留一位成人。")
    return refusal_text(refusal, english=is_english())


def _service() -> CancelService:
    return door.service(CancelService)
