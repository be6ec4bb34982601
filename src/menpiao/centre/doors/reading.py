"""Reading what comes in, as strictly as the table says; what does not fit is a refusal."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from menpiao.centre.doors.table import UNREADABLE, Door, status_of
from menpiao.domain.reasons import Reason, Refusal

_PLACE = re.compile(r" - at `(?:key in )?\$(.*?)`$")
_MISSING = re.compile(r"required field `(\w+)`")
_TYPE = re.compile(
    r"application/(?:[\w.-]+\+)?json\s*(?:;\s*charset=\"?utf-?8\"?\s*)?", re.IGNORECASE
)

Bad = tuple[int, Refusal]
"""A status, and the refusal that is answered under it."""


def unfit(error: Exception) -> Refusal:
    """What a decoder found, as a refusal: its text names the field and the rule, not the value."""
    text = str(error)
    place, missing = _PLACE.search(text), _MISSING.search(text)
    parts = re.findall(r"\w+", place[1].replace("...", "")) if place else []
    parts += [missing[1]] if missing else []
    return Refusal(Reason.BAD_REQUEST, text, ".".join(parts))


def decode(decoder: msgspec.json.Decoder[Any], octets: bytes | str) -> Any:
    """The message in these octets; else the status and refusal to answer."""
    try:
        return decoder.decode(octets)
    except msgspec.ValidationError as error:
        refusal = unfit(error)
        return status_of(refusal.reason), refusal
    except (msgspec.MsgspecError, UnicodeError) as error:
        return UNREADABLE, Refusal(Reason.BAD_REQUEST, str(error))
    except RecursionError:
        return UNREADABLE, Refusal(Reason.BAD_REQUEST, "nested too deeply")


def is_json(content_type: str | None) -> bool:
    """Whether a body may be JSON in UTF-8 by its content type; without one it may."""
    return content_type is None or _TYPE.fullmatch(content_type.strip()) is not None


async def octets(request: Request, longest: int) -> bytes | None:
    """The body, read to its end or to ``longest`` octets; None: it is longer."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > 18 or int(told) > longest):
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > longest:
            return None
        parts.append(part)
    return b"".join(parts)


def parameters(kind: type, given: Iterable[tuple[str, str]]) -> Any:
    """The parameters as the struct ``kind``; a refusal where they do not fit.

    Unknown parameters are passed over: proxies and pages add their own. One that is given twice is
    refused, because nobody can say which was meant.
    """
    names = {f.encode_name for f in msgspec.structs.fields(kind)}
    found: dict[str, str] = {}
    for name, value in given:
        if name not in names:
            continue
        if name in found:
            return Refusal(Reason.BAD_REQUEST, "given twice", name)
        found[name] = value
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        return unfit(error)


class DoorReader:
    """Reads for one door what its table entry says."""

    def __init__(self, door: Door) -> None:
        """Make the decoders once."""
        self.door = door
        raw = door.body is None or door.body is bytes
        self._decoder = None if raw else msgspec.json.Decoder(door.body)

    def path(self, values: Mapping[str, str]) -> Any:
        """The values in the path; a refusal: there is nothing of that name."""
        if self.door.path_values is None:
            return None
        found = parameters(self.door.path_values, values.items())
        if isinstance(found, Refusal):
            return Refusal(Reason.NO_SUCH_ADDRESS, found.detail, found.field)
        return found

    async def body(self, request: Request) -> Any:
        """The body; else the status and refusal to answer."""
        door = self.door
        if door.body is None:
            return None
        if self._decoder is not None and not is_json(request.headers.get("content-type")):
            refusal = Refusal(Reason.CONTENT_TYPE, "application/json in UTF-8", "content-type")
            return status_of(refusal.reason), refusal
        found = await octets(request, door.longest)
        if found is None:
            return status_of(Reason.TOO_LONG), Refusal(Reason.TOO_LONG, f"at most {door.longest}")
        return found if self._decoder is None else decode(self._decoder, found)
