"""What every page can be asked for: larger type, and an honest word when a service is away."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from menpiao.centre.design.door import UnavailableError

ELDER_COOKIE = "elder"
_YEAR_S = 365 * 24 * 3600
_log = structlog.get_logger(__name__)


@require_POST
def elder(request: HttpRequest) -> HttpResponse:
    """Switch elder mode (大字版) on or off, and go back to the page it was asked on."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}):
        back = "/"
    answer = HttpResponseRedirect(back)
    if request.POST.get("elder") == "1":
        answer.set_cookie(ELDER_COOKIE, "1", max_age=_YEAR_S, httponly=True, samesite="Lax")
    else:
        answer.delete_cookie(ELDER_COOKIE, samesite="Lax")
    return answer


class Unavailable:
    """Middleware: a page whose service is away answers 503 with a page, not with an error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for a closed door; other exceptions are not ours."""
        if not isinstance(exception, UnavailableError):
            return None
        _log.warning("page_without_service", problem=str(exception))
        answer = render(request, "503.html", status=503)
        answer["Retry-After"] = "10"
        return answer
