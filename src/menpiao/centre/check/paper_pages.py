"""Back-entry (补录): paper records of an emergency, checked line by line and then entered."""

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from menpiao.centre.check.pages import day_of, person_of
from menpiao.centre.check.service.paper_lines import MOST_LINES, lines_of
from menpiao.centre.check.service.papers import PaperService
from menpiao.centre.check.service.states import StateService
from menpiao.centre.check.words import shown_line
from menpiao.centre.design import door
from menpiao.domain.reasons import Refusal

_PATIENCE_S: Final = 60.0
"""Five hundred lines are written in one transaction."""


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def papers(request: HttpRequest) -> HttpResponse:
    """The form; what would become of its lines; what became of them."""
    staff = person_of(request)
    service, states = door.service(PaperService), door.service(StateService)
    given = request.POST
    text, day = given.get("lines", "").replace("\r\n", "\n"), day_of(given.get("day", ""))
    lines = []
    entering = given.get("act") == "enter"
    too_many = len(lines_of(text)) > MOST_LINES
    if too_many:
        messages.error(request, _("一次最多500行，请分次补录。"))
    elif request.method == "POST":
        work = (
            service.enter(staff.site_id, staff.pk, text, day)
            if entering
            else service.check(staff.site_id, text, day)
        )
        lines = door.call(work, _PATIENCE_S)
    if entering and not too_many:
        # What is entered is done with; what is not stays to be put right.
        text = "\n".join(one.text for one in lines if one.state in {"refused", "unread"})
    board = door.call(states.board(staff.site_id))
    names = {lane.gate_id: lane for lane in board.lanes}
    context = {
        "site": staff.site,
        "zone": board.zone,
        "gates": board.lanes,
        "text": text,
        "day": day.isoformat() if day else "",
        "lines": [shown_line(one) for one in lines],
        "good": sum(one.state == "good" for one in lines),
        "entered": sum(one.state == "entered" for one in lines),
        "left": sum(one.state in {"refused", "unread"} for one in lines),
        "entering": entering and not too_many,
        "entries": [
            (entry, names.get(entry.gate_id)) for entry in door.call(service.latest(staff.site_id))
        ],
    }
    return render(request, "check/papers.html", context)


@require_POST
@login_required
def take_back(request: HttpRequest) -> HttpResponse:
    """Take one entry back."""
    staff = person_of(request)
    nonce = request.POST.get("nonce", "")[:64]
    service = door.service(PaperService)
    outcome = door.call(service.take_back(staff.site_id, staff.pk, nonce))
    if isinstance(outcome, Refusal):
        messages.error(request, _("没有撤销：此条已撤销，或不能撤销。"))
    else:
        messages.success(request, _("已撤销一条补录。"))
    return HttpResponseRedirect(reverse("papers"))
