"""The one blocking door from a page, which is synchronous, to the services, which are not.

Pages run in threads under WSGI; the services live on the event loop of the same process. A page
hands a coroutine through the door and waits for its answer, never longer than the time-out.
"""

import asyncio
import concurrent.futures
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

_T = TypeVar("_T")

TIMEOUT_S = 10.0


class UnavailableError(RuntimeError):
    """The services are not there, or did not answer in time: the page says so and asks to wait."""


@dataclass(frozen=True, slots=True)
class _Bound:
    loop: asyncio.AbstractEventLoop
    services: Mapping[type, object]


_bound: list[_Bound] = []


def bind(loop: asyncio.AbstractEventLoop, services: Mapping[type, object]) -> None:
    """Let pages of this process reach these services, which run on ``loop``."""
    _bound[:] = [_Bound(loop, services)]


def unbind() -> None:
    """Close the door: pages answer that the service is not available."""
    _bound.clear()


def service(kind: type[_T]) -> _T:
    """The service of a kind.

    Raises:
        UnavailableError: it does not run in this process.
    """
    if not _bound or kind not in _bound[0].services:
        msg = f"{kind.__name__} does not run in this process"
        raise UnavailableError(msg)
    return cast("_T", _bound[0].services[kind])


def call(coroutine: Coroutine[Any, Any, _T], timeout_s: float = TIMEOUT_S) -> _T:
    """Run a coroutine on the services' loop and wait for its result.

    Must not be called on the loop itself. What the coroutine raises is raised here. After the
    time-out it is cancelled: whether it took effect is then unknown, so ask with a token.

    Raises:
        UnavailableError: the door is closed, or there was no answer within ``timeout_s`` seconds.
    """
    if not _bound:
        coroutine.close()
        msg = "the services do not run"
        raise UnavailableError(msg)
    future = asyncio.run_coroutine_threadsafe(coroutine, _bound[0].loop)
    try:
        return future.result(timeout_s)
    except concurrent.futures.TimeoutError:
        future.cancel()
        msg = "the services did not answer in time"
        raise UnavailableError(msg) from None
    except concurrent.futures.CancelledError:
        msg = "the services are being stopped"
        raise UnavailableError(msg) from None
