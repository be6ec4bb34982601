"""The one way to answer a machine: JSON, and for every refusal a `Problem`."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from menpiao.centre.doors.table import JSON, status_of
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.check import Problem

_encoder = msgspec.json.Encoder()


def json_answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A struct as JSON; ``bytes`` are JSON already."""
    content = body if isinstance(body, bytes) else _encoder.encode(body)
    return Response(content, status, headers, media_type=JSON)


def problem_body(refusal: Refusal) -> bytes:
    """A refusal as an encoded `Problem`, for doors that are served without a router."""
    words = refusal.wording
    return _encoder.encode(
        Problem(
            code=refusal.reason.value,
            zh=words.zh,
            en=words.en,
            detail=refusal.detail,
            field=refusal.field,
        )
    )


def problem(
    refusal: Refusal, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A refusal as an answer, under its reason's status unless another is given."""
    status = status_of(refusal.reason) if status is None else status
    more = dict(headers or {})
    if status == 401:
        more["WWW-Authenticate"] = "Bearer"
    if status == 503:
        more["Retry-After"] = "1"
    return json_answer(problem_body(refusal), status, more)


def no_such_address() -> Response:
    """What is answered where no door is."""
    return problem(Refusal(Reason.NO_SUCH_ADDRESS))
