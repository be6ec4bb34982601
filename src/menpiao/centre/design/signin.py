"""Signing in, wherever a form for it stands: limited attempts, one answer when they are over."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from menpiao.centre.design import door
from menpiao.centre.design.service import AttemptService

COOKIE = "browser"
_KEEP_S = 180 * 24 * 3600


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="menpiao.browser")


def _about(name: str) -> str:
    return hashlib.sha256(name.strip().casefold().encode()).hexdigest()[:16]


def known_browser(request: HttpRequest, name: str) -> str:
    """What names the browser, when this person signed in with it before; else empty."""
    try:
        value = _signer().unsign(request.COOKIES.get(COOKIE, ""), max_age=_KEEP_S)
    except BadSignature:
        return ""
    about, _, browser = value.partition(":")
    return browser if about == _about(name) else ""


class LimitedBackend(ModelBackend):
    """Django's own backend behind the limit of attempts."""

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> AbstractBaseUser | None:
        """The person, or None; past the limit nothing is tried."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **credentials)
        limits = door.service(AttemptService)
        address = request.META.get("REMOTE_ADDR", "")
        counted = limits.sign_in(username, address, known_browser(request, username))
        wait_s = door.call(limits.begin(counted))
        if wait_s:
            request.wait_s = wait_s  # type: ignore[attr-defined]
            raise PermissionDenied
        user = super().authenticate(request, username, password, **credentials)
        if user is not None:
            door.call(limits.succeeded(counted))
            request.signed_in = username  # type: ignore[attr-defined]
        return user


class Attempts:
    """Middleware: the page for too many attempts, and the cookie of a browser that signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and look at what the attempt came to."""
        answer = self._get_response(request)
        wait_s = getattr(request, "wait_s", 0.0)
        if wait_s:
            return too_many(request, wait_s)
        name = getattr(request, "signed_in", "")
        if name:
            value = _signer().sign(f"{_about(name)}:{secrets.token_hex(8)}")
            answer.set_cookie(
                COOKIE,
                value,
                max_age=_KEEP_S,
                httponly=True,
                samesite="Lax",
                secure=request.is_secure(),
            )
        return answer


def too_many(request: HttpRequest, wait_s: float) -> HttpResponse:
    """429: how long to wait."""
    minutes = max(1, round(wait_s / 60 + 0.49))
    answer = render(request, "429.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(max(1, round(wait_s + 0.49)))
    return answer
