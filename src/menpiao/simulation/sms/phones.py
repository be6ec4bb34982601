"""Telephones that exist only here: what arrived at each number."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from menpiao.centre.messaging.channel import plain_number
from menpiao.centre.messaging.cmpp.packets import Format, Submit
from menpiao.centre.messaging.parts import Joiner, read_header

KEPT_PER_PHONE = 200


def utc_now() -> datetime:
    """The time that a message is stamped with."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """A whole message as the telephone shows it."""

    sender: str
    text: str
    received_at: datetime
    parts: int


def text_of(content: bytes, msg_fmt: int) -> str:
    """What a telephone shows of a content; what cannot be read becomes replacement characters."""
    match msg_fmt:
        case Format.UCS2:
            return content.decode("utf-16-be", "replace")
        case Format.GB:
            return content.decode("gb18030", "replace")
        case Format.ASCII:
            return content.decode("ascii", "replace")
        case _:
            return content.hex(" ")


class Phones:
    """All telephones; a number exists from its first message on."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        """Stamp messages by this clock."""
        self._clock = clock
        self._inboxes: dict[str, list[ShortMessage]] = defaultdict(list)
        self._joiner = Joiner()
        self._changed = asyncio.Condition()
        self.unreachable: set[str] = set()
        """Numbers, without prefix, that are switched off: messages to them fail."""

    def inbox(self, number: str) -> list[ShortMessage]:
        """What arrived at a number, oldest first."""
        return list(self._inboxes.get(plain_number(number), ()))

    def numbers(self) -> list[str]:
        """The telephones that received something, the latest first."""
        known = [(box[-1].received_at, number) for number, box in self._inboxes.items() if box]
        return [number for _, number in sorted(known, reverse=True)]

    async def take(self, submit: Submit, destination: str) -> None:
        """A part reaches its telephone, which shows the message when it is whole."""
        number = plain_number(destination)
        content, parts = submit.content, 1
        if submit.tp_udhi:
            header, _ = read_header(content)
            parts = header.total if header else 1
            now = self._clock().timestamp()
            whole = self._joiner.add(submit.src_id, number, content, now)
            if whole is None:
                return
            content = whole
        text = text_of(content, submit.msg_fmt)
        box = self._inboxes[number]
        box.append(ShortMessage(submit.src_id, text, self._clock(), parts))
        del box[:-KEPT_PER_PHONE]
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, number: str, count: int, timeout_s: float = 10.0) -> None:
        """Until so many messages are there.

        Raises:
            TimeoutError: they did not come.
        """
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.inbox(number)) >= count)
