"""The fleet of terminals (终端设备): how each is, and what people of the house want of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from menpiao.centre.check import device_words as words
from menpiao.centre.check.pages import person_of
from menpiao.centre.check.service.commands import CommandService
from menpiao.centre.check.service.devices import DeviceNow, DeviceService
from menpiao.centre.check.service.states import StateService
from menpiao.centre.check.service.terminals import RELOAD, ROLL, TerminalService
from menpiao.centre.design import door
from menpiao.domain.reasons import Refusal
from menpiao.wire.fleet import LINES_MOST

_LANE_ACTIONS: Final = ("show", RELOAD)
_LINES: Final = (50, 200, LINES_MOST)
_LONGEST_NUMBER: Final = 18


@require_GET
@never_cache
@login_required
def devices(request: HttpRequest) -> HttpResponse:
    """Every terminal of the person's site."""
    staff = person_of(request)
    return render(request, "check/devices.html", _fleet(staff))


@require_GET
@never_cache
@login_required
def devices_part(request: HttpRequest) -> HttpResponse:
    """What of the list changes while it is looked at."""
    staff = person_of(request)
    shown = "answers" if "answers" in request.GET else "devices"
    return render(request, f"check/{shown}_live.html", _fleet(staff))


def _fleet(staff: Any) -> dict[str, Any]:
    service, now = door.service(DeviceService), datetime.now(UTC)
    found = door.call(service.all(staff.site_id))
    names = {device.id: device.name for device in found}
    history = door.call(service.history(staff.site_id, None))
    by_id = {device.id: device for device in found}
    zone = staff.site.zone
    return {
        "site": staff.site,
        "zone": zone,
        "devices": [
            (one, words.standing(one), words.setting(one), words.alarms(one)) for one in found
        ],
        "up": sum(one.up for one in found),
        "let_in": sum(one.revoked_at is None for one in found),
        "gates": door.call(service.gates(staff.site_id)),
        "codes": door.call(service.codes(staff.site_id)),
        "asked": [
            (
                words.asked(by_id.get(task.device_id), [task], [], now, zone)[0],
                names.get(task.device_id, ""),
            )
            for task in history
        ],
    }


@require_POST
@never_cache
@login_required
def code(request: HttpRequest) -> HttpResponse:
    """A one-time code for a new terminal; it is on this answer and nowhere else."""
    staff = person_of(request)
    chosen = [_number(text) for text in request.POST.getlist("gates")[:500]]
    reason = request.POST.get("reason", "")
    service = door.service(DeviceService)
    issued = door.call(service.issue_code(staff.site_id, staff.pk, chosen, reason))
    if isinstance(issued, Refusal):
        messages.error(request, _("没有发放：请选择闸机，并写明原因（64字以内）。"))
        return HttpResponseRedirect(reverse("devices"))
    return render(request, "check/devices.html", _fleet(staff) | {"code": issued})


@require_GET
@never_cache
@login_required
def device(request: HttpRequest, device_id: int) -> HttpResponse:
    """One terminal."""
    staff = person_of(request)
    return render(request, "check/device.html", _one(staff, device_id))


@require_GET
@never_cache
@login_required
def device_part(request: HttpRequest, device_id: int) -> HttpResponse:
    """What of its page changes; ``?have=``: the log that the page shows already."""
    staff = person_of(request)
    context = _one(staff, device_id, have=_number(request.GET.get("have", "")))
    return render(request, "check/device_live.html", context)


def _known(staff: Any, device_id: int) -> DeviceNow:
    found = door.call(door.service(DeviceService).one(staff.site_id, device_id))
    if found is None:
        raise Http404
    return found


def _one(
    staff: Any, device_id: int, *, have: int = 0, form: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    found, service, now = _known(staff, device_id), door.service(DeviceService), datetime.now(UTC)
    tasks = door.call(service.history(staff.site_id, device_id))
    gates = [] if found.hub else [gate.id for gate in found.gates]
    states = door.service(StateService)
    commands = door.call(states.commands_at(staff.site_id, gates, _LANE_ACTIONS))
    shown = next((task for task in tasks if task.brought >= 0), None)
    lines = None
    if shown is not None and shown.id != have:
        lines = door.call(service.brought(staff.site_id, device_id, shown.id))
    asked = words.asked(found, tasks, commands, now, staff.site.zone)
    return {
        "site": staff.site,
        "zone": staff.site.zone,
        "device": found,
        "standing": words.standing(found),
        "setting": words.setting(found),
        "alarms": words.alarms(found),
        "asked": asked,
        "log": shown,
        "lines": lines,
        "most_lines": _LINES,
        "form": form or (None if found.hub or not gates else _form(staff, gates[0])),
    }


@require_POST
@login_required
def act(request: HttpRequest, device_id: int) -> HttpResponse:
    """Do something to one terminal, or have it do something."""
    staff = person_of(request)
    found, given = _known(staff, device_id), request.POST
    action, reason = given.get("action", ""), given.get("reason", "")
    terminals, service = door.service(TerminalService), door.service(DeviceService)
    outcome: object = None
    if action == ROLL:
        outcome = door.call(terminals.roll_key(staff.site_id, staff.pk, device_id, reason))
    elif action == "logs":
        most = _number(given.get("lines", ""))
        outcome = door.call(terminals.fetch_logs(staff.site_id, staff.pk, device_id, reason, most))
    elif action == "revoke":
        refused = door.call(service.revoke(staff.site_id, staff.pk, device_id, reason))
        outcome = refused or True
    elif action == "code":
        gates = [gate.id for gate in found.gates]
        issued = door.call(service.issue_code(staff.site_id, staff.pk, gates, reason, device_id))
        if isinstance(issued, str):
            context = _one(staff, device_id) | {"code": issued}
            return render(request, "check/device.html", context)
    elif action in _LANE_ACTIONS:
        if not found.up:
            messages.error(request, _("没有发出：终端离线，显示文字和重新载入只在终端在线时有效。"))
            return _back(device_id)
        outcome = _tell(staff, found, action, reason, _number(given.get("gate", "")))
    if outcome is None or isinstance(outcome, Refusal):
        messages.error(request, _("没有发出：请写明原因或文字（64字以内）；已停用的终端不能操作。"))
    return _back(device_id)


def _tell(staff: Any, found: DeviceNow, action: str, reason: str, gate_id: int) -> object:
    """Tell a terminal that is there; None: not this one. A hub has no screen to show a text on."""
    if found.hub:
        if action != RELOAD:
            return None
        terminals = door.service(TerminalService)
        return door.call(terminals.reload(staff.site_id, staff.pk, found.id, reason))
    if gate_id not in {gate.id for gate in found.gates}:
        return None
    commands = door.service(CommandService)
    return door.call(commands.order(staff.site_id, staff.pk, gate_id, action, reason.strip()))


def _back(device_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("device", args=[device_id]))


@require_GET
@never_cache
@login_required
def log(request: HttpRequest, device_id: int, task_id: int) -> HttpResponse:
    """The log lines of a task, as a file."""
    staff = person_of(request)
    service = door.service(DeviceService)
    device_id, known = _known(staff, device_id).id, task_id < 2**62
    lines = door.call(service.brought(staff.site_id, device_id, task_id)) if known else None
    if lines is None:
        raise Http404
    answer = HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
    name = f"terminal-{device_id}-{task_id}.log"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


# --- settings -----------------------------------------------------------------------------------


@require_POST
@login_required
def device_settings(request: HttpRequest, device_id: int) -> HttpResponse:
    """Set the lane of one terminal over what the site has."""
    staff = person_of(request)
    found = _known(staff, device_id)
    if found.hub or not found.gates or found.revoked_at is not None:
        raise Http404
    form = _push(request, staff, found.gates[0].id)
    if form is None:
        return _back(device_id)
    return render(request, "check/device.html", _one(staff, device_id, form=form))


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def site_settings(request: HttpRequest) -> HttpResponse:
    """Set every lane and hub of the site, and see what each made of it."""
    staff = person_of(request)
    form = _push(request, staff, None) if request.method == "POST" else _form(staff, None)
    if form is None:
        return HttpResponseRedirect(reverse("devices_settings"))
    return render(request, "check/settings.html", _fleet(staff) | {"form": form})


def _push(request: HttpRequest, staff: Any, gate_id: int | None) -> dict[str, Any] | None:
    """Push what a form says; None: done. Otherwise the form again, with what is wrong."""

    def given(name: str) -> str:
        return request.POST.get(name, "")[:32]

    settings, errors = words.read_settings(given)
    reason = request.POST.get("reason", "")
    if not errors:
        terminals = door.service(TerminalService)
        pushed = door.call(terminals.configure(staff.site_id, staff.pk, gate_id, settings, reason))
        if not isinstance(pushed, Refusal):
            return None
        errors = {"reason": _("请写明原因（64字以内）")}
    return _form(staff, gate_id, given, errors, reason)


def _form(
    staff: Any,
    gate_id: int | None,
    given: Any = None,
    errors: Mapping[str, str] | None = None,
    reason: str = "",
) -> dict[str, Any]:
    service = door.service(DeviceService)
    versions = door.call(service.versions(staff.site_id, gate_id))
    below: Mapping[str, float] = {}
    if gate_id is not None:
        of_site = door.call(service.versions(staff.site_id, None))
        below = of_site[0].settings if of_site else {}
    values = (
        {name: f"{value:g}" for name, value in versions[0].settings.items()} if versions else {}
    )
    if given is not None:
        values = {name: given(name) for name in words.SETTING_WORDS}
    return {
        "fields": list(words.fields(values, below, errors or {})),
        "reason": reason,
        "reason_error": (errors or {}).get("reason", ""),
        "wrong": len(errors or {}),
        "versions": versions,
        "gate": gate_id,
    }


def _number(text: str) -> int:
    """A number from a form; 0: none."""
    fits = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if fits else 0
