"""Requests to the centre beside the link: fetching bundles, reporting scans (part 303).

A session is bought with a signed challenge and bought again when it has ended.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from menpiao.domain.reasons import Reason
from menpiao.terminals.parts.link.base import ErrandRefusedError, Keys
from menpiao.terminals.parts.link.identity import Identity
from menpiao.wire.check import Challenge, Problem, Session
from menpiao.wire.unreadable import UNREADABLE

_BASE: Final = "/check/v1"
_PIECE: Final = 1 << 16
_LONGEST_ANSWER: Final = 32 << 20
_LONGEST_SMALL: Final = 1 << 16


class HttpErrands:
    """`Errands` over HTTP; one thread at a time."""

    def __init__(
        self,
        centre: str,
        identity: Keys,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        """``centre`` is its base address; ``timeout_s`` is for each step, not for the whole."""
        parts = urlsplit(centre)
        self._host, self._port = parts.hostname or "", parts.port
        self._prefix = parts.path.rstrip("/") + _BASE
        self._secure = parts.scheme == "https"
        self._identity = identity
        self._tls = tls
        self._timeout_s = timeout_s
        self._token = ""

    def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body; see `base.Errands.call`."""
        status, answer = self._with_session(lambda: self._plain(method, path, body))
        return status, answer

    def fetch(self, path: str, begin: int, write: Callable[[int, bytes], None]) -> int:
        """Fetch octets; see `base.Errands.fetch`."""

        def once() -> tuple[int, bytes]:
            return self._stream(path, begin, write), b""

        return self._with_session(once)[0]

    def _with_session(self, ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
        try:
            for _ in range(2):
                if not self._token:
                    self._token = self._session()
                status, answer = ask()
                if status != http.client.UNAUTHORIZED:
                    return status, answer
                # It may be the session that has ended, or the terminal: a new session tells.
                self._token = ""
        except http.client.HTTPException as error:
            raise OSError(f"not HTTP as it should be: {type(error).__name__}") from None
        return status, answer

    def _session(self) -> str:
        tried = self._identity.attempt()
        try:
            token = self._session_of(tried)
        except ErrandRefusedError as refused:
            unknown = refused.code == Reason.DEVICE_UNKNOWN
            if not unknown or not self._identity.refused(tried):
                raise
            tried = self._identity.attempt()
            token = self._session_of(tried)
        # A disk that is full: both keys stay, and the next session tries again.
        with contextlib.suppress(OSError):
            self._identity.welcomed(tried)
        return token

    def _session_of(self, identity: Identity) -> str:
        try:
            status, answer = self._plain("POST", "/challenges", b"", with_token=False)
            challenge = msgspec.json.decode(answer, type=Challenge)
            proof = msgspec.json.encode(identity.prove(challenge.challenge))
            status, answer = self._plain("POST", "/sessions", proof, with_token=False)
            if status == http.client.UNAUTHORIZED:
                raise ErrandRefusedError(msgspec.json.decode(answer, type=Problem).code)
            return msgspec.json.decode(answer, type=Session).token
        except UNREADABLE:
            raise OSError(f"no session: status {status}") from None

    def _plain(
        self, method: str, path: str, body: bytes, *, with_token: bool = True
    ) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            head = {"Content-Type": "application/json"} if body else {}
            if with_token:
                head |= {"Authorization": f"Bearer {self._token}"}
            connection.request(method, self._prefix + path, body or None, head)
            response = connection.getresponse()
            most = _LONGEST_ANSWER if with_token else _LONGEST_SMALL
            return response.status, response.read(most)
        finally:
            connection.close()

    def _stream(self, path: str, begin: int, write: Callable[[int, bytes], None]) -> int:
        connection = self._connection()
        try:
            head = {"Authorization": f"Bearer {self._token}"}
            if begin:
                head["Range"] = f"bytes={begin}-"
            connection.request("GET", self._prefix + path, None, head)
            response = connection.getresponse()
            if response.status not in {200, 206}:
                response.read(_LONGEST_SMALL)
                return response.status
            at = begin if response.status == http.client.PARTIAL_CONTENT else 0
            while piece := response.read(_PIECE):
                write(at, piece)
                at += len(piece)
            if response.length:
                raise OSError("the answer was cut")
            return response.status
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host,
                self._port,
                timeout=self._timeout_s,
                context=self._tls or ssl.create_default_context(),
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
