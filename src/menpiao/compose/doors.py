"""All doors for machines together: their tables, their description, and answers at the last."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from menpiao.centre.booking.doors import TABLE as BOOKING
from menpiao.centre.check.doors import TABLE as CHECK
from menpiao.centre.commerce.doors import TABLE as COMMERCE
from menpiao.centre.doors.answers import problem
from menpiao.centre.doors.openapi import document, encoded
from menpiao.centre.doors.page import page, wanted_language
from menpiao.centre.doors.table import JSON, Table
from menpiao.centre.messaging.doors import TABLE as MESSAGING
from menpiao.centre.statistics.doors import TABLE as STATISTICS
from menpiao.domain.reasons import Reason, Refusal

TABLES: Sequence[Table] = (CHECK, BOOKING, COMMERCE, STATISTICS, MESSAGING)


def served_tables(routes: Sequence[BaseRoute]) -> list[Table]:
    """The tables whose doors are among these routes."""
    paths = {route.path for route in routes if isinstance(route, Route)}
    return [table for table in TABLES if any(door.path in paths for door in table.doors)]


def described(tables: Sequence[Table]) -> list[BaseRoute]:
    """``/openapi.json`` and the page ``/openapi`` about the doors of this process."""
    octets, told = encoded(tables), document(tables)

    async def as_json(request: Request) -> Response:  # noqa: ARG001 - a route's shape
        return Response(octets, media_type=JSON, headers={"Access-Control-Allow-Origin": "*"})

    async def as_page(request: Request) -> Response:
        asked = request.query_params.get("language", "")
        language = wanted_language(asked or request.headers.get("accept-language", ""))
        headers = {
            "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'",
            "Vary": "Accept-Language",
        }
        return HTMLResponse(page(told, language), headers=headers)

    return [Route("/openapi.json", as_json), Route("/openapi", as_page)]


async def _http(request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler's shape
    status = error.status_code if isinstance(error, HTTPException) else 500
    reason = {404: Reason.NO_SUCH_ADDRESS, 405: Reason.METHOD_NOT_ALLOWED}.get(
        status, Reason.BAD_REQUEST if status < 500 else Reason.FAULT
    )
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(Refusal(reason), status, headers)


async def _busy(request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler's shape
    return problem(Refusal(Reason.BUSY))


async def _fault(request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler's shape
    return problem(Refusal(Reason.FAULT))


def exception_handlers() -> Mapping[Any, Any]:
    """What is answered when a door did not answer: never a bare text, never a trace."""
    out_of_reach = (
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # a connection that was cut while it was handed over
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        OSError,
        TimeoutError,
    )
    return {
        HTTPException: _http,
        Exception: _fault,
        **dict.fromkeys(out_of_reach, _busy),
    }
