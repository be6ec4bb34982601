"""Short messages through CMPP: one SUBMIT a part, sent once, and the reports on them."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from menpiao.centre.messaging.channel import (
    ChannelState,
    Fate,
    Listener,
    Message,
    Receipt,
    Sent,
    plain_number,
)
from menpiao.centre.messaging.cmpp import codec
from menpiao.centre.messaging.cmpp.dialect import Account, CmppDialect, VersionTooHighError, log_in
from menpiao.centre.messaging.cmpp.packets import (
    Deliver,
    DeliverAnswer,
    Format,
    Packet,
    Submit,
    SubmitAnswer,
    Version,
)
from menpiao.centre.messaging.cmpp.proof import reference
from menpiao.centre.messaging.link import Link, Pace
from menpiao.centre.messaging.parts import Part, TooLongError, part_count, split
from menpiao.centre.messaging.reports import CHINA, delivery_of, minute_of
from menpiao.centre.messaging.session import (
    NoAnswerError,
    NotSentError,
    Numbers,
    Session,
    SessionError,
)

log = structlog.get_logger(__name__)

FLOW_CONTROL = 8
SEEN_BEFORE = 3
# A part that was throttled after another one was taken is tried again within the same message:
# a refused SUBMIT was not accepted, and the telephone waits for the rest.
PART_WAITS_S = (0.5, 1.0, 2.0, 4.0)
RESULTS = {
    1: "structure",
    2: "command",
    3: "duplicate sequence",
    4: "length",
    5: "fee",
    6: "too long",
    7: "service code",
    8: "flow control",
    9: "fee number not served",
    10: "Src_Id",
    11: "Msg_src",
    12: "Fee_terminal_Id",
    13: "Dest_terminal_Id",
}


def china_now() -> datetime:
    """The time that goes into a login: gateways live in one zone."""
    return datetime.now(UTC).astimezone(CHINA)


@dataclass(frozen=True, slots=True)
class _Tag:
    """Which part a late answer is about."""

    key: tuple[int, int]


class CmppChannel:
    """An account at a gateway that speaks CMPP."""

    def __init__(self, account: Account, clock: Callable[[], datetime] = china_now) -> None:
        """Take an account; nothing is opened before :meth:`run`."""
        self._account = account
        self._clock = clock
        self._version = account.version
        self._listener: Listener | None = None
        self._ref = secrets.randbelow(256)
        self._numbers = Numbers(secrets.randbelow(1 << 31))
        self.unreadable_reports = 0
        self.incoming_messages = 0
        pace = Pace(account.messages_per_second)
        self._link: Link[Packet] = Link(
            account.host, account.port, self._open, self._log_in, account.reconnect, pace
        )

    async def run(self, listener: Listener) -> None:
        """Stay connected and report to ``listener`` until cancelled."""
        self._listener = listener
        await self._link.run()

    @property
    def state(self) -> ChannelState:
        """How the link is at the moment."""
        state = self._link.state
        return ChannelState(
            state.connected, self._link.room, self._link.pace.rate, state.last_error
        )

    def parts(self, text: str) -> int:
        """How many messages a text is billed as."""
        return part_count(text)

    # --- sending ---

    async def send(self, message: Message) -> Sent:
        """Send once, part by part side by side; never raises for what the gateway does."""
        self._ref = (self._ref + 1) % 256
        try:
            pieces = split(message.text, self._ref)
        except TooLongError as error:
            return Sent(Fate.REFUSED, error=str(error))
        sent = await asyncio.gather(*(self._send_part(message, piece) for piece in pieces))
        return together(sent)

    async def _send_part(self, message: Message, part: Part) -> Sent:
        submit = self._submit(message, part)
        for wait_s in (*(PART_WAITS_S if part.headed else ()), None):
            sent = await self._submit_once(submit, message.key)
            if sent.fate is not Fate.LATER or wait_s is None:
                break
            await asyncio.sleep(wait_s)
        return sent

    async def _submit_once(self, submit: Submit, key: tuple[int, int]) -> Sent:
        try:
            answer = await self._link.request(submit, _Tag(key))
        except NotSentError as error:
            return Sent(Fate.LATER, error=str(error))
        except NoAnswerError as error:
            return Sent(Fate.UNKNOWN, error=str(error))
        except codec.CodecError as error:
            return Sent(Fate.REFUSED, error=f"cannot be encoded: {error}")
        return self._judge(answer)

    def _judge(self, answer: Packet) -> Sent:
        if not isinstance(answer, SubmitAnswer):
            return Sent(Fate.UNKNOWN, error="answered with something else")
        if answer.result == 0:
            self._link.pace.went_well()
            return Sent(Fate.ACCEPTED, (reference(answer.msg_id),))
        error = f"{answer.result} {RESULTS.get(answer.result, 'other')}"
        if answer.result == FLOW_CONTROL:
            self._link.pace.slow()
            return Sent(Fate.LATER, error=error)
        if answer.result == SEEN_BEFORE:
            # The gateway already has something under this number; what, it does not say.
            return Sent(Fate.UNKNOWN, error=error)
        return Sent(Fate.REFUSED, error=error)

    def _submit(self, message: Message, part: Part) -> Submit:
        account = self._account
        number = plain_number(message.number)
        return Submit(
            destinations=(account.country_prefix + number,),
            content=part.content,
            msg_src=account.sp_id,
            src_id=account.src_id,
            service_id=account.service_id,
            pk_total=part.total,
            pk_number=part.number,
            registered_delivery=int(account.report_wanted),
            msg_level=account.msg_level,
            fee_user_type=account.fee_user_type,
            tp_udhi=int(part.headed),
            msg_fmt=Format.UCS2,
            fee_type=account.fee_type,
            fee_code=account.fee_code,
        )

    # --- the connection ---

    def _open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Session[Packet]:
        return Session(
            reader,
            writer,
            CmppDialect(self._version),
            self._incoming,
            self._late,
            self._account.timers,
            self._numbers,
        )

    async def _log_in(self, session: Session[Packet]) -> None:
        dialect = session.dialect
        assert isinstance(dialect, CmppDialect)
        try:
            await log_in(session, dialect, self._account, self._clock)
        except VersionTooHighError as error:
            if not self._version.wide:
                raise
            self._version = Version.V20
            raise SessionError(f"{error}; trying version 2") from error

    async def _incoming(self, packet: Packet) -> Packet | None:
        """Answer a DELIVER once what it says is kept; other requests are not ours to answer."""
        if not isinstance(packet, Deliver):
            log.warning("request_not_spoken", kind=type(packet).__name__)
            return None
        if not packet.is_report:
            # Nobody reads answers to a notice; the operator is told that it arrived.
            self.incoming_messages += 1
            return DeliverAnswer(msg_id=packet.msg_id)
        try:
            report = codec.decode_report(packet.content)
        except codec.CodecError as error:
            self.unreadable_reports += 1
            log.warning("report_unreadable", error=str(error))
            return DeliverAnswer(msg_id=packet.msg_id)
        delivery = delivery_of(report.stat)
        if delivery is None:
            return DeliverAnswer(msg_id=packet.msg_id)
        receipt = Receipt(
            ref=reference(report.msg_id),
            number=plain_number(report.destination or packet.source),
            delivery=delivery,
            code=report.stat,
            submitted_at=minute_of(report.submit_time),
        )
        assert self._listener is not None
        kept = await self._listener.receipt(receipt)
        return DeliverAnswer(msg_id=packet.msg_id) if kept else None

    async def _late(self, tag: object, packet: Packet) -> None:
        if isinstance(tag, _Tag) and self._listener is not None:
            await self._listener.late(tag.key, self._judge(packet))


def together(parts: list[Sent]) -> Sent:
    """The fate of a message from those of its parts."""
    refs = tuple(ref for part in parts for ref in part.refs)
    fates = {part.fate for part in parts}
    error = next((part.error for part in parts if part.error), "")
    if fates == {Fate.ACCEPTED}:
        return Sent(Fate.ACCEPTED, refs)
    if len(parts) > 1:
        error = f"{len(refs)} of {len(parts)} parts accepted; {error}"
    if Fate.REFUSED in fates:
        return Sent(Fate.REFUSED, refs, error)
    if Fate.UNKNOWN in fates:
        return Sent(Fate.UNKNOWN, refs, error)
    if fates == {Fate.LATER}:
        return Sent(Fate.LATER, error=error)
    # One part is with the operator and another surely is not: it can never become whole.
    return Sent(Fate.REFUSED, refs, error)
