"""The asks of one link: several under way at once, answered as they are decided."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from menpiao.centre.check.doors import LONGEST_FRAME, NOT_ALLOWED
from menpiao.centre.check.service import CheckService, UnavailableError
from menpiao.centre.doors.direct import direct
from menpiao.centre.doors.reading import decode
from menpiao.domain.reasons import WORDINGS, Reason, Refusal
from menpiao.wire.check import Ask, Fault

log = structlog.get_logger(__name__)

_IN_FLIGHT = 256
_ask: msgspec.json.Decoder[Ask] = msgspec.json.Decoder(Ask)
# How our lanes begin an ask. One that begins otherwise is understood the usual way.
_ASK = '{"type":"ask"'
_encoder = msgspec.json.Encoder()


def fault(refusal: Refusal, nonce: str = "") -> Fault:
    """A refusal as a message of the link."""
    words = WORDINGS[refusal.reason]
    text = f"{words.en}: {refusal.detail}" if refusal.detail else words.en
    return Fault(code=refusal.reason.value, text=text, nonce=nonce)


class LinkFlow:
    """Takes asks without waiting for their answers, and writes answers in bursts.

    No task is made for a plain ask: what is decided together is written by one turn of the writer.
    """

    def __init__(
        self,
        service: CheckService,
        device_id: int,
        socket: WebSocket,
        heard: Callable[[], None],
    ) -> None:
        """Ask ``service`` for a proved device and answer on ``socket``; ``heard`` at each ask."""
        self._heard = heard
        self._direct = direct(socket)
        self._service = service
        self._device_id = device_id
        self._socket = socket
        self._under_way = 0
        self._answers: list[bytes] = []
        self._revoked = False
        self._ended = False
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[bytes | Refusal]] = set()

    def begin(self) -> None:
        """Take the asks of the link as they come; what else it says is received as ever."""
        self._direct.give_to(self._take)

    def _take(self, text: str) -> bool:
        if not text.startswith(_ASK) or len(text) > LONGEST_FRAME:
            return False
        message = decode(_ask, text)
        if not isinstance(message, Ask):
            return False  # the usual way says what does not fit
        self._heard()
        self.ask(message)
        return True

    def ask(self, ask: Ask) -> None:
        """Take an ask; while too many are under way no more are read."""
        device = self._service.device_at_hand(self._device_id)
        posted = self._service.post(device, ask) if device is not None else None
        if posted is None:
            posted = asyncio.create_task(self._ask(ask))
            self._tasks.add(posted)
            posted.add_done_callback(self._tasks.discard)
        self._under_way += 1
        posted.add_done_callback(partial(self._decided, ask.nonce))
        if self._under_way >= _IN_FLIGHT:
            self._direct.hold()

    async def _ask(self, ask: Ask) -> bytes | Refusal:
        """An ask that needs more than is at hand."""
        device = await self._service.device(self._device_id)
        if isinstance(device, Refusal):
            self._revoked = True
            return device
        return await self._service.admit(device, ask)

    def _decided(self, nonce: str, posted: "asyncio.Future[bytes | Refusal]") -> None:
        self._under_way -= 1
        failed = None if posted.cancelled() else posted.exception()
        if failed is not None and not isinstance(failed, UnavailableError):
            log.error("ask_failed", device=self._device_id, error=type(failed).__name__)
        outcome = Refusal(Reason.BUSY) if posted.cancelled() or failed else posted.result()
        if isinstance(outcome, Refusal):
            outcome = _encoder.encode(fault(outcome, nonce))
        self._answers.append(outcome)
        self._moved.set()
        self._direct.release()

    async def write(self) -> None:
        """Write answers until the link has ended and nothing is under way.

        A link that the other side has left: the terminal asks again under the same nonces.
        """
        while self._under_way or self._answers or not self._ended:
            await self._moved.wait()
            self._moved.clear()
            answers, self._answers = self._answers, []
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._direct.write_texts(answers)
                if self._revoked:
                    await self._socket.close(NOT_ALLOWED)

    def end(self) -> None:
        """No more asks are taken."""
        self._direct.give_to(None)
        self._ended = True
        self._moved.set()
