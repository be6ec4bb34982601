"""Routes from a table: read by the table, ask the server, answer by the table."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from menpiao.centre.doors.answers import json_answer, no_such_address, problem
from menpiao.centre.doors.reading import DoorReader, parameters
from menpiao.centre.doors.table import JSON, UNFIT, Door, Link, Scheme, Table
from menpiao.domain.reasons import Reason, Refusal


@dataclass(slots=True)
class Asked:
    """What came through a door, as the types that its table entry names; ``who``: by its guard."""

    request: Request
    who: Any = None
    path: Any = None
    query: Any = None
    headers: Any = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Bare:
    """A door that reads and answers by itself, for speed; its table entry binds it."""

    app: ASGIApp


Handler = Callable[[Asked], Awaitable[Any]]
"""Answers a struct, JSON octets, a `Refusal`, or a `Response` made by itself."""
Guard = Callable[[Request], Awaitable[Any]]
"""Who asks, or a `Refusal`. It runs before anything else of the request is looked at."""


class _Served:
    """One door in service."""

    def __init__(self, door: Door, handler: Handler, guard: Guard | None) -> None:
        self.door = door
        self._reader = DoorReader(door)
        self._handler = handler
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return  # nobody is left to be answered
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        asked = Asked(request)
        bad = await self._read(asked)
        if bad is not None:
            return bad
        found = await self._handler(asked)
        if isinstance(found, Refusal):
            return problem(found)
        return found if isinstance(found, Response) else json_answer(found, self.door.status)

    async def _read(self, asked: Asked) -> Response | None:
        """Fill ``asked`` in; an answer when something does not fit."""
        request, door = asked.request, self.door
        if self._guard is not None:
            asked.who = await self._guard(request)
            if isinstance(asked.who, Refusal):
                return problem(asked.who)
        asked.path = self._reader.path(request.path_params)
        if isinstance(asked.path, Refusal):
            return problem(asked.path)
        if door.query is not None:
            asked.query = parameters(door.query, request.query_params.multi_items())
        if door.headers is not None:
            asked.headers = parameters(door.headers, request.headers.items())
        for found in (asked.query, asked.headers):
            if isinstance(found, Refusal):
                return problem(found, UNFIT)
        asked.body = await self._reader.body(request)
        if isinstance(asked.body, tuple):
            status, refusal = asked.body
            return problem(refusal, status)
        return None


class _Path:
    """All doors of one path: says which methods there are."""

    def __init__(self, doors: Mapping[str, ASGIApp], *, head: bool) -> None:
        self._doors = dict(doors)
        if head:
            self._doors["HEAD"] = doors["GET"]
        self._allow = {"Allow": ", ".join(sorted([*self._doors, "OPTIONS"]))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._doors.get(scope["method"])
        if door is None:
            door = (
                Response(status_code=204, headers=self._allow)
                if scope["method"] == "OPTIONS"
                else problem(Refusal(Reason.METHOD_NOT_ALLOWED), headers=self._allow)
            )
        await door(scope, receive, send)


class _Nowhere:
    """The rest of a server's addresses: nothing is there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(1008)
            return
        await no_such_address()(scope, receive, send)


def _plain_http(link: Link) -> ASGIApp:
    text = f"a web socket is spoken here: {link.subprotocol}"
    refusal = Refusal(Reason.BAD_REQUEST, text, "upgrade")
    return problem(refusal, 426, {"Upgrade": "websocket", "Connection": "Upgrade"})


def routes(
    table: Table,
    handlers: Mapping[Door, Handler | Bare],
    guards: Mapping[Scheme, Guard] | None = None,
    links: Mapping[Link, Callable[[WebSocket], Awaitable[None]]] | None = None,
) -> list[BaseRoute]:
    """The routes of a table. Whatever is under its base and not in it is a 404 problem.

    Raises:
        ValueError: a door or link is in the table and has no handler, or the other way round.
    """
    guards, links = guards or {}, links or {}
    if set(handlers) != set(table.doors) or set(links) != set(table.links):
        raise ValueError(f"{table.server}: doors and handlers differ")
    paths: dict[str, list[Door]] = {}
    for door in table.doors:
        paths.setdefault(door.path, []).append(door)
    made: list[BaseRoute] = [
        Route(path, _path(doors, handlers, guards)) for path, doors in paths.items()
    ]
    for link in table.links:
        made.append(WebSocketRoute(link.path, links[link]))
        made.append(Route(link.path, _Path({"GET": _plain_http(link)}, head=True)))
    nowhere = _Nowhere()
    made.append(Route(f"{table.base}/{{rest:path}}", nowhere))
    made.append(WebSocketRoute(f"{table.base}/{{rest:path}}", nowhere))
    return made


def _path(
    doors: Sequence[Door],
    handlers: Mapping[Door, Handler | Bare],
    guards: Mapping[Scheme, Guard],
) -> _Path:
    apps: dict[str, ASGIApp] = {}
    for door in doors:
        handler = handlers[door]
        if isinstance(handler, Bare):
            apps[door.method] = handler.app
        else:
            guard = guards[door.auth] if door.auth is not None else None
            apps[door.method] = _Served(door, handler, guard)
    # A stream has no end that a HEAD could wait for.
    head = any(door.method == "GET" and door.media == JSON for door in doors)
    return _Path(apps, head=head)
