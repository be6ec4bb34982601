"""The published description of the doors: OpenAPI 3.1, made from the tables and the wire structs.

Links (web sockets) are no operations of OpenAPI: they stand under ``x-links``, with the schemas of
their messages and their close codes.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import msgspec

from menpiao.centre.doors.table import (
    JSON,
    STATUS,
    UNREADABLE,
    Door,
    Link,
    Scheme,
    Table,
    status_of,
)
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.wire.check import Problem

_REF = "#/components/schemas/{name}"
_VERSION = "1"
_ALWAYS = (Reason.RATE_LIMITED, Reason.FAULT, Reason.BUSY)
_WORDS = {
    200: "OK",
    201: "Made",
    204: "Taken",
    206: "The rest of the octets",
    400: "The body is not JSON in UTF-8",
    401: "Not proved who asks",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed; `Allow` names those that are",
    409: "In conflict with what is there",
    413: "The body is too long",
    415: "The body is not application/json",
    422: "It can be read and does not fit: `field` names the place",
    426: "A web socket is spoken here",
    429: "Too many requests; answered at the edge",
    500: "Our fault; nothing was recorded",
    503: "Busy: ask again, under the same key",
}


def document(tables: Sequence[Table], server_url: str = "/") -> dict[str, Any]:
    """The description of these servers' doors."""
    paths: dict[str, Any] = {}
    schemes: dict[str, Any] = {}
    for table in tables:
        for door in table.doors:
            operation = _operation(table, door)
            paths.setdefault(door.path, {})[door.method.lower()] = operation
            if door.auth is not None:
                schemes[door.auth.key] = _scheme(door.auth)
        for link in table.links:
            paths.setdefault(link.path, {})["get"] = _upgrade(table, link)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "门票 menpiao",
            "version": _VERSION,
            "summary": "The ticket centre's doors for machines",
            "description": (
                "Every refusal is a `Problem`: `code` is stable, `zh` and `en` may be shown. "
                "Bodies are JSON in UTF-8; unknown fields are refused. Every write carries a key "
                "chosen by the asker: asking again gives the same answer. Amounts are in fen."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": t.server, "description": f"{t.zh}\n\n{t.en}"} for t in tables],
        "paths": paths,
        "components": {"schemas": _schemas(tables), "securitySchemes": schemes},
        "x-links": {link.path: _link(link) for table in tables for link in table.links},
        "x-reasons": {
            reason.value: {
                "status": status_of(reason),
                "zh": WORDINGS[reason].zh,
                "en": WORDINGS[reason].en,
            }
            for reason in sorted({r for t in tables for d in t.doors for r in _reasons(d)})
        },
    }


def encoded(tables: Sequence[Table]) -> bytes:
    """The document as indented JSON with a line end."""
    return msgspec.json.format(msgspec.json.encode(document(tables)), indent=2) + b"\n"


# --- operations -----------------------------------------------------------------------------------


def _reasons(door: Door) -> list[Reason]:
    """Every reason that a door may answer, those of its shape included."""
    found = [*door.refuses, *_ALWAYS]
    if door.body is not None:
        found.append(Reason.TOO_LONG)
        if door.body is not bytes:
            found += [Reason.BAD_REQUEST, Reason.CONTENT_TYPE]
    if door.query is not None or door.headers is not None:
        found.append(Reason.BAD_REQUEST)
    if door.path_values is not None:
        found.append(Reason.NO_SUCH_ADDRESS)
    return list(dict.fromkeys(found))


def _operation(table: Table, door: Door) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [table.server],
        "operationId": f"{table.server}_{door.name}",
        "summary": door.zh,
        "description": door.en,
        "parameters": _parameters(door),
        "responses": _responses(door),
    }
    if door.body is bytes:
        operation["requestBody"] = {"required": False, "content": {JSON: {}}}
    elif door.body is not None:
        content = {JSON: {"schema": _schema(door.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    if door.auth is not None:
        operation["security"] = [{door.auth.key: []}]
    return operation


def _responses(door: Door) -> dict[str, Any]:
    good: dict[str, Any] = {"description": _WORDS[door.status]}
    if door.answer is not None:
        good["content"] = _content(door, door.answer)
    responses = {door.status: good}
    codes: dict[int, list[str]] = {}
    for reason in _reasons(door):
        codes.setdefault(status_of(reason), []).append(reason.value)
    if door.body is not None and door.body is not bytes:
        codes.setdefault(UNREADABLE, []).append(Reason.BAD_REQUEST.value)
    for status, names in codes.items():
        responses[status] = _problem(status, names)
    for status, kind in door.others.items():
        if kind is bytes:
            responses[status] = {"description": _WORDS[status], "content": _content(door, kind)}
            continue
        other = _schema(kind)
        if status in responses and responses[status].get("content"):
            schema = {"anyOf": [other, _schema(Problem)]}
            responses[status]["content"][JSON]["schema"] = schema
        else:
            responses[status] = {
                "description": _WORDS[status],
                "content": {JSON: {"schema": other}},
            }
    return {str(status): responses[status] for status in sorted(responses)}


def _content(door: Door, kind: Any) -> dict[str, Any]:
    """Octets have no schema in OpenAPI 3.1: their media type says all there is to say."""
    return {door.media: {} if kind is bytes else {"schema": _schema(kind)}}


def _problem(status: int, codes: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(f"`{code}`" for code in codes)
    answer: dict[str, Any] = {
        "description": f"{_WORDS[status]}: {names}",
        "content": {JSON: {"schema": _schema(Problem)}},
    }
    if status == STATUS[Reason.BUSY]:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return answer


def _parameters(door: Door) -> list[dict[str, Any]]:
    found = []
    for place, kind in (
        ("path", door.path_values),
        ("query", door.query),
        ("header", door.headers),
    ):
        if kind is None:
            continue
        for field in msgspec.structs.fields(kind):
            schema = _schema(field.type)
            required = field.required or place == "path"
            if not required:
                schema["default"] = msgspec.to_builtins(field.default)
            found.append(
                {"name": field.encode_name, "in": place, "required": required, "schema": schema}
            )
    return found


def _scheme(scheme: Scheme) -> dict[str, Any]:
    description = f"{scheme.zh}\n\n{scheme.en}"
    if scheme.place == "bearer":
        return {"type": "http", "scheme": "bearer", "description": description}
    place = {"in": scheme.place, "name": scheme.parameter}
    return {"type": "apiKey", "description": description, **place}


# --- links ----------------------------------------------------------------------------------------


def _upgrade(table: Table, link: Link) -> dict[str, Any]:
    return {
        "tags": [table.server],
        "operationId": f"{table.server}_{link.name}",
        "summary": link.zh,
        "description": f"{link.en}. A web socket: see `x-links`.",
        "responses": {
            "101": {"description": "The web socket is open"},
            "426": _problem(426, [Reason.BAD_REQUEST.value]),
        },
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "subprotocol": link.subprotocol,
        "longestMessage": link.longest,
        "fromAsker": _told_apart(_schema(link.up)),
        "fromCentre": _schema(link.down),
        "closes": {str(code): {"zh": zh, "en": en} for code, (zh, en) in link.closes.items()},
    }


def _told_apart(schema: dict[str, Any]) -> dict[str, Any]:
    """On a link a message must say its kind, also one that need not at a door of its own."""
    by = schema.get("discriminator", {}).get("propertyName")
    return schema if by is None else {**schema, "required": [by]}


# --- schemas --------------------------------------------------------------------------------------


def _kinds(tables: Sequence[Table]) -> list[Any]:
    kinds: list[Any] = [Problem]
    for table in tables:
        for door in table.doors:
            kinds += [door.answer, door.body, *door.others.values()]
        for link in table.links:
            kinds += [link.up, link.down]
    return [kind for kind in dict.fromkeys(kinds) if kind is not None and kind is not bytes]


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    found: dict[str, Any] = _portable(schema)
    return found


def _schemas(tables: Sequence[Table]) -> dict[str, Any]:
    kinds = _kinds(tables)
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schemas: dict[str, Any] = _portable(components)
    for body in {door.body for table in tables for door in table.doors}:
        _without_kind(schemas, body)
    for kind in _structs(kinds):
        properties = schemas.get(kind.__name__, {}).get("properties", {})
        for name, text in _field_texts(kind).items():
            if name in properties:
                # Beside a reference a description is allowed since JSON Schema 2019-09.
                properties[name]["description"] = text
    return dict(sorted(schemas.items()))


def _without_kind(schemas: dict[str, Any], body: Any) -> None:
    """A door that takes one kind of message needs not be told which: its kind may be left out."""
    config = getattr(body, "__struct_config__", None)
    if config is None or config.tag is None:
        return
    schema = schemas[body.__name__]
    schema["required"] = [name for name in schema["required"] if name != config.tag_field]
    schema["properties"][config.tag_field]["default"] = config.tag


def _portable(node: Any) -> Any:
    """The same schema for every reader: where Python ends a pattern its own way, ``$``."""
    if isinstance(node, dict):
        return {
            key: re.sub(r"\\Z\Z", "$", value) if key == "pattern" else _portable(value)
            for key, value in node.items()
        }
    return [_portable(item) for item in node] if isinstance(node, list) else node


def _structs(kinds: Iterable[Any]) -> Iterable[type[msgspec.Struct]]:
    """Every struct that these types name, once."""
    seen: set[Any] = set()
    left = list(kinds)
    while left:
        kind = left.pop()
        if kind in seen:
            continue
        seen.add(kind)
        left += [part for part in get_args(kind) if part.__hash__ is not None]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield kind
            left += [field.type for field in msgspec.structs.fields(kind)]


def _field_texts(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The texts below the fields of a struct, by the name that the field has on the wire."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
            and field.target.id in names
        ):
            found[names[field.target.id]] = inspect.cleandoc(text.value.value)
    return found
