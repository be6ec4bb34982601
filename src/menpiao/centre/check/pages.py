"""The board of lanes (闸机看板): how every lane is, and what people of the house tell it to do."""

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from menpiao.centre.check.service.commands import CommandService
from menpiao.centre.check.service.guards import SUPERVISORS
from menpiao.centre.check.service.states import Board, StateService
from menpiao.centre.check.words import LANE_ACTIONS, SITE_ACTIONS, cards, orders
from menpiao.centre.design import door
from menpiao.centre.doors.passes import make_pass
from menpiao.domain.reasons import Refusal

STREAM: Final = "/check/v1/board"
WATCH_FOR: Final = timedelta(minutes=10)
"""How long a page may listen before it must show again who is signed in."""
_LONGEST_NUMBER: Final = 18


def person_of(request: HttpRequest) -> Any:
    """The supervisor or manager who asks; others neither see lanes nor tell them anything."""
    staff = getattr(request.user, "staff", None)
    if staff is None or staff.role not in SUPERVISORS or not request.user.is_active:
        raise PermissionDenied
    return staff


@require_GET
@never_cache
@login_required
def board(request: HttpRequest) -> HttpResponse:
    """Every lane of the person's site. ``?gate=``: the lane that is chosen in the form."""
    staff = person_of(request)
    shown = door.call(door.service(StateService).board(staff.site_id))
    return render(
        request,
        "check/lanes.html",
        _context(shown, staff)
        | {
            "site": staff.site,
            "stream": STREAM,
            "token": secrets.token_urlsafe(16),
            "lane_actions": LANE_ACTIONS.items(),
            "site_actions": SITE_ACTIONS.items(),
            "chosen": request.GET.get("gate", ""),
        },
    )


@require_GET
@never_cache
@login_required
def part(request: HttpRequest) -> HttpResponse:
    """What of the page changes while it is looked at."""
    staff = person_of(request)
    shown = door.call(door.service(StateService).watched(staff.site_id))
    if shown is None:
        raise PermissionDenied
    return render(request, "check/board.html", _context(shown, staff))


@require_GET
@never_cache
@login_required
def ticket(request: HttpRequest) -> HttpResponse:
    """A ticket for the stream of the asker's site."""
    key: bytes = settings.LANE_BOARD_KEY
    staff = person_of(request)
    until = datetime.now(UTC) + WATCH_FOR
    return JsonResponse({"ticket": make_pass(key, (staff.site_id,), until)})


def _context(shown: Board, staff: Any) -> dict[str, Any]:
    given = orders(shown, shown.commands)
    found = cards(shown, given)
    return {
        "board": shown,
        "cards": found,
        "troubled": [card for card in found if card.alarms],
        "orders": given,
        "awaiting": [
            (order, order.line.staff_id == staff.pk)
            for order in given
            if order.line.state == "awaiting"
        ],
    }


@require_GET
@never_cache
@login_required
def history(request: HttpRequest) -> HttpResponse:
    """Every command of a day: who, why, who agreed, and what the lane answered. ``?day=``."""
    staff = person_of(request)
    states = door.service(StateService)
    shown = door.call(states.board(staff.site_id))
    day, lines = door.call(states.commands_of(staff.site_id, day_of(request.GET.get("day", ""))))
    context = {"site": staff.site, "board": shown, "day": day, "orders": orders(shown, lines)}
    return render(request, "check/history.html", context)


@require_POST
@login_required
def command(request: HttpRequest) -> HttpResponse:
    """Tell one lane, or ask for a command to all of them."""
    staff = person_of(request)
    commands, given = door.service(CommandService), request.POST
    action, reason = given.get("action", ""), given.get("reason", "")
    token = given.get("token", "")[:64] or None
    gate_id = _number(given.get("gate", ""))
    if action in SITE_ACTIONS:
        outcome = door.call(
            commands.order_all(staff.site_id, staff.pk, action, reason, token=token)
        )
    elif action in LANE_ACTIONS:
        outcome = door.call(
            commands.order(staff.site_id, staff.pk, gate_id, action, reason, token=token)
        )
    else:
        outcome = None
    if outcome is None or isinstance(outcome, Refusal):
        messages.error(request, _("没有发出：请选择通道和操作，并写明原因（64字以内）。"))
    chosen = f"?gate={gate_id}" if gate_id else ""
    return HttpResponseRedirect(reverse("lanes") + chosen)


@require_POST
@login_required
def agree(request: HttpRequest) -> HttpResponse:
    """Agree, as the second person, to a command to all lanes."""
    staff = person_of(request)
    command_id = _number(request.POST.get("command", ""))
    outcome = door.call(door.service(CommandService).agree(staff.site_id, staff.pk, command_id))
    if isinstance(outcome, Refusal):
        messages.error(request, _("没有执行：须由另一位主管在2分钟内确认，且只确认一次。"))
    return HttpResponseRedirect(reverse("lanes"))


def day_of(text: str) -> date | None:
    """A day from a form; None: none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> int:
    """An identifier from a form; 0: none."""
    fits = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if fits else 0
