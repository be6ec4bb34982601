"""The live page of managers (管理终端): who is inside, how they flow, where they come from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from menpiao.centre.statistics.service import make_ticket
from menpiao.domain.region import PROVINCES

if TYPE_CHECKING:
    from django.db.models import Model

ROLES = ("manager", "supervisor")
STREAM = "/statistics/v1/stream"
_PITCH, _SIDE = 44, 41


@dataclass(frozen=True, slots=True)
class Tile:
    """A province in the tile map; ``x``, ``y`` are its upper left corner."""

    code: str
    name: str
    name_en: str
    x: int
    y: int


_TILES = tuple(
    Tile(p.code, p.zh, p.en, (p.tile[0] - 1) * _PITCH, p.tile[1] * _PITCH)
    for p in PROVINCES.values()
)


@require_GET
@never_cache
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The page; its figures come by the stream."""
    return render(
        request,
        "statistics/live.html",
        {"site": _site_of(request), "tiles": _TILES, "side": _SIDE, "stream": STREAM},
    )


@require_GET
@never_cache
@login_required
def ticket(request: HttpRequest) -> HttpResponse:
    """A ticket for the stream of the asker's site."""
    key: bytes = settings.LIVE_FIGURES_KEY
    return JsonResponse({"ticket": make_ticket(key, _site_of(request).pk, datetime.now(UTC))})


def _site_of(request: HttpRequest) -> "Model":
    """The site whose figures the person may see: a manager's own, an administrator's first."""
    staff = getattr(request.user, "staff", None)
    if staff is not None and staff.role in ROLES:
        site: Model = staff.site
        return site
    if request.user.is_active and getattr(request.user, "is_superuser", False):
        sites = apps.get_model("menpiao", "Site")._default_manager  # noqa: SLF001 - a public name of Django
        first = staff.site if staff is not None else sites.order_by("pk").first()
        if first is not None:
            return first
    raise PermissionDenied
