"""A web socket whose server may take frames where they come in, and write many at once.

A link with many asks under way spends as much on the way of each frame (a queue, a task's turn,
reading stopped and begun again, a write of its own) as on what it says.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

_NAME = "menpiao.direct"


class DirectSocket(WebSocketsSansIOProtocol):
    """A web socket as uvicorn speaks it, until its server asks to take frames directly."""

    _take: Callable[[str], bool] | None = None
    _holding = False

    def handle_connect(self, event: Request) -> None:
        """Begin, and let the server find this object."""
        super().handle_connect(event)
        self._kept: deque[str] = deque()
        if not self.close_sent:
            self.scope["extensions"][_NAME] = cast("dict[object, object]", self)

    def give_to(self, take: Callable[[str], bool] | None) -> None:
        """Hand each text frame to ``take``; one that it does not want is received as ever.

        None: to nobody any more.
        """
        self._take = take

    def hold(self) -> None:
        """Hand over no more for now; what has come is kept, and no more is read."""
        if not self._holding:
            self._holding = True
            self.transport.pause_reading()

    def release(self) -> None:
        """Go on handing over, until held again."""
        if not self._holding:
            return
        self._holding = False
        while self._kept and not self._is_holding():
            self._hand_over(self._kept.popleft())
        if not self._is_holding() and not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _is_holding(self) -> bool:
        return self._holding

    def send_receive_event_to_app(self) -> None:
        """A whole message has come."""
        if self._take is None or self.curr_msg_data_type != "text" or self.close_sent:
            super().send_receive_event_to_app()
            return
        try:
            text = b"".join(self.frames).decode()
        except UnicodeDecodeError:
            super().send_receive_event_to_app()  # which ends the link
            return
        self.frames = []
        if self._holding:
            self._kept.append(text)
        else:
            self._hand_over(text)

    def _hand_over(self, text: str) -> None:
        if self._take is None or not self._take(text):
            self.queue.put_nowait({"type": "websocket.receive", "text": text})

    async def write_texts(self, texts: Iterable[bytes]) -> None:
        """Write text frames together.

        Raises:
            WebSocketDisconnect: the other side is gone, or the link was closed.
        """
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise WebSocketDisconnect(1006)
        try:
            for text in texts:
                self.conn.send_text(text)
        except InvalidState:
            raise WebSocketDisconnect(1006) from None
        finally:
            self.transport.write(b"".join(self.conn.data_to_send()))


def direct(socket: WebSocket) -> DirectSocket:
    """The protocol below a web socket, which stands on one (``uvicorn.Config.ws``)."""
    found = socket.scope["extensions"][_NAME]
    assert isinstance(found, DirectSocket)
    return found
