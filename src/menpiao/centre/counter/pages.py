"""The clerk's page (patent part 101 meets 702): the frame; its figures come by the JSON doors."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from menpiao.centre.counter.service import ROLES, Clerk, make_ticket
from menpiao.domain.document import FAULT_TEXTS, TYPE_LABELS, DocumentType

_NOT_TYPED = frozenset({DocumentType.NETWORK_ID})
AGENT_PORT = 8751


@require_GET
@never_cache
@login_required
@ensure_csrf_cookie
def counter(request: HttpRequest) -> HttpResponse:
    """The page on which a clerk sells. ``?agent=PORT``: where this computer's agent listens."""
    staff = _staff_of(request)
    english = (get_language() or "").startswith("en")
    port = request.GET.get("agent", "")
    valid = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    context = {
        "site": staff.site,
        "staff": staff,
        "agent_port": int(port) if valid else AGENT_PORT,
        "types": [
            (kind.value, label.en if english else label.zh)
            for kind, label in TYPE_LABELS.items()
            if kind not in _NOT_TYPED
        ],
        "faults": {
            fault.value: text.en if english else text.zh for fault, text in FAULT_TEXTS.items()
        },
    }
    return render(request, "counter/counter.html", context)


@require_GET
@never_cache
@login_required
def ticket(request: HttpRequest) -> HttpResponse:
    """A ticket for the doors, in the name of whoever is signed in."""
    staff = _staff_of(request)
    key: bytes = settings.COUNTER_KEY
    clerk = Clerk(staff.site.pk, staff.pk)
    return JsonResponse({"ticket": make_ticket(key, clerk, datetime.now(UTC))})


def _staff_of(request: HttpRequest) -> Any:
    """The person of the house who is signed in; others may not sell."""
    staff = getattr(request.user, "staff", None)
    if staff is None or staff.role not in ROLES or not request.user.is_active:
        raise PermissionDenied
    return staff
