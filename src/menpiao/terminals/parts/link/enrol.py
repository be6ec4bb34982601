"""Enrolment: a one-time code buys this terminal's key a place at the centre.

The key is written before the centre is asked, so that a lost answer costs nothing: the same code
and the same key give the same place again.
"""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.identity import (
    IdentityError,
    load_identity,
    new_identity,
    save_identity,
)
from menpiao.wire.check import Enrolled, Enrolment, Problem
from menpiao.wire.unreadable import UNREADABLE

_LONGEST_ANSWER: Final = 65_536


class EnrolmentError(Exception):
    """The centre did not enrol this terminal.

    ``code`` is one of the reason table, or ``unreachable`` or ``unexpected``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


def enrol(
    centre: str,
    code: str,
    key_file: Path,
    *,
    name: str = "",
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 10.0,
) -> Enrolled:
    """Enrol the key in ``key_file``, making it first if there is none; blocks.

    Raises:
        EnrolmentError: the centre cannot be reached, or refuses.
        IdentityError: there is a key file that cannot be used.
        OSError: the key file cannot be written.
    """
    identity = load_identity(key_file) if key_file.exists() else new_identity()
    save_identity(key_file, identity)
    try:
        body = msgspec.json.encode(
            msgspec.convert(
                {"code": code.strip(), "public_key": identity.public_key, "name": name}, Enrolment
            )
        )
    except msgspec.ValidationError as error:
        raise EnrolmentError(Reason.BAD_REQUEST.value, str(error)) from None
    status, answer = _post(centre, "/check/v1/devices", body, tls, timeout_s)
    try:
        if status not in {200, 201}:
            problem = msgspec.json.decode(answer, type=Problem)
            raise EnrolmentError(
                problem.code, f"{problem.zh} {problem.en} {problem.detail}".strip()
            )
        enrolled = msgspec.json.decode(answer, type=Enrolled)
    except UNREADABLE:
        raise EnrolmentError("unexpected", f"status {status}, not an answer of a centre") from None
    save_identity(key_file, identity.enrolled_as(enrolled.device_id))
    return enrolled


def _post(
    centre: str, path: str, body: bytes, tls: ssl.SSLContext | None, timeout_s: float
) -> tuple[int, bytes]:
    parts = urlsplit(centre)
    connection: http.client.HTTPConnection
    try:
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.hostname or "",
                parts.port,
                timeout=timeout_s,
                context=tls or ssl.create_default_context(),
            )
        elif parts.scheme == "http":
            connection = http.client.HTTPConnection(
                parts.hostname or "", parts.port, timeout=timeout_s
            )
        else:
            raise EnrolmentError(
                "unreachable", "the centre's address begins with https:// or http://"
            )
    except ValueError:
        raise EnrolmentError("unreachable", "not an address") from None
    try:
        connection.request(
            "POST", parts.path.rstrip("/") + path, body, {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise EnrolmentError("unreachable", f"{centre}: {error}") from None
    finally:
        connection.close()


__all__ = ["EnrolmentError", "IdentityError", "enrol"]
