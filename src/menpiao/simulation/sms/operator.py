"""A simulated operator: a CMPP gateway on TCP that delivers to simulated telephones.

It reads and writes with the codec, but shares no connection code with the client it plays for, so
that a mistake there is not mirrored here.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from menpiao.centre.messaging.channel import plain_number
from menpiao.centre.messaging.cmpp import codec
from menpiao.centre.messaging.cmpp.packets import (
    ActiveTest,
    ActiveTestAnswer,
    Connect,
    ConnectAnswer,
    Deliver,
    DeliverAnswer,
    Packet,
    StatusReport,
    Submit,
    SubmitAnswer,
    Terminate,
    TerminateAnswer,
    Version,
)
from menpiao.centre.messaging.cmpp.proof import (
    authenticator_ismg,
    authenticator_source,
    make_msg_id,
)
from menpiao.simulation.sms.phones import Phones

log = structlog.get_logger(__name__)

CHINA = ZoneInfo("Asia/Shanghai")
GATEWAY = 106901
FRAME_OCTETS_MAX = 64 * 1024


def china_now() -> datetime:
    """The gateway's clock."""
    return datetime.now(UTC).astimezone(CHINA)


class Fault(StrEnum):
    """What can go wrong with one SUBMIT; planned faults are used up one by one."""

    NONE = ""
    SILENT = "silent"
    """It is lost: no answer, no message, no report."""
    ANSWER_LOST = "answer_lost"
    """It is taken, delivered and reported, but the answer is lost."""
    ANSWER_LATE = "answer_late"
    """The answer comes after ``late_s``."""
    FLOW = "flow"
    """Result 8: too fast."""
    REFUSED = "refused"
    """Result 13: the number is not served."""
    DROP = "drop"
    """The link breaks instead of an answer."""
    REPORT_FIRST = "report_first"
    """The report overtakes the answer."""
    REPORT_TWICE = "report_twice"
    NO_REPORT = "no_report"
    FAILED = "failed"
    """The telephone cannot be reached: the report is negative."""


@dataclass(slots=True)
class Plan:
    """How the gateway behaves; tests and the demo turn these."""

    sp_id: str = "901234"
    secret: str = "1234"  # noqa: S105 - a simulated account
    version_max: int = Version.V30
    delay_s: float = 1.0
    """From a SUBMIT to its message on the telephone."""
    late_s: float = 1.0
    answer_s: float = 60.0
    """A report unanswered for so long is sent again."""
    reports_short: bool = False
    """Write reports of 60 octets in version 3 too, as some gateways do."""
    deaf: bool = False
    """Answer nothing any more, ACTIVE_TEST included."""
    refuse_logins: deque[int] = field(default_factory=deque)
    """Status for the next logins."""
    faults: deque[Fault] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Client:
    """A logged-in service provider on one connection."""

    writer: asyncio.StreamWriter
    version: Version
    sequence: int = 0
    waiting: dict[int, Deliver] = field(default_factory=dict)

    def send(self, packet: Packet, sequence: int) -> None:
        if not self.writer.is_closing():
            self.writer.write(codec.encode(packet, sequence, self.version))

    def deliver(self, packet: Deliver) -> int:
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        self.waiting[self.sequence] = packet
        self.send(packet, self.sequence)
        return self.sequence


class Operator:
    """The gateway: authenticates, takes SUBMITs, delivers, reports."""

    def __init__(
        self, phones: Phones, plan: Plan | None = None, clock: Callable[[], datetime] = china_now
    ) -> None:
        """Deliver to these telephones, behaving by the plan."""
        self.phones = phones
        self.plan = plan or Plan()
        self._clock = clock
        self._count = 0
        self._clients: list[_Client] = []
        self._undelivered: deque[StatusReport] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self.submits: list[Submit] = []
        """Every SUBMIT that arrived, repeated or not."""
        self.logins = 0
        self.reports_acknowledged = 0
        self.tests_answered = 0

    # --- what tests and the demo do ---

    def inbox(self, number: str) -> list[str]:
        """The texts that arrived at a number, oldest first."""
        return [message.text for message in self.phones.inbox(number)]

    def cut(self) -> None:
        """Break every connection, without a word."""
        for client in self._clients:
            client.writer.transport.abort()

    def say_goodbye(self) -> None:
        """End every connection politely."""
        for client in self._clients:
            client.sequence += 1
            client.send(Terminate(), client.sequence)

    def send_message(self, number: str, text: str) -> None:
        """A telephone writes to the service number."""
        for client in self._clients[:1]:
            now = make_msg_id(self._clock(), GATEWAY, self._next())
            content = text.encode("utf-16-be")[:140]
            client.deliver(
                Deliver(msg_id=now, destination="106", source=number, content=content, msg_fmt=8)
            )

    async def close(self) -> None:
        """End connections and everything still on its way."""
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- a connection ---

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends; whatever comes in, the gateway lives on."""
        client: _Client | None = None
        try:
            client = await self._welcome(reader, writer)
            if client is not None:
                self._clients.append(client)
                self._send_reports()
                await self._converse(client, reader)
        except (asyncio.IncompleteReadError, OSError):
            log.info("provider_gone")
        except codec.CodecError as error:
            log.info("provider_sent_nonsense", error=str(error))
        finally:
            if client in self._clients:
                self._clients.remove(client)
                self._undelivered += (_report_in(d) for d in client.waiting.values() if d.is_report)
            writer.close()

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> _Client | None:
        sequence, packet = await _read(reader, Version.V30)
        if not isinstance(packet, Connect):
            return None
        version = Version.V30 if packet.version >= Version.V30 else Version.V20
        client = _Client(writer, version)
        status = self._login_status(packet)
        proof = authenticator_ismg(
            status, packet.authenticator, self.plan.secret, octets=4 if version.wide else 1
        )
        answer = ConnectAnswer(
            status=status,
            authenticator=bytes(16) if status else proof,
            version=self.plan.version_max,
        )
        client.send(answer, sequence)
        if status:
            await writer.drain()
            return None
        self.logins += 1
        return client

    def _login_status(self, packet: Connect) -> int:
        if self.plan.refuse_logins:
            return self.plan.refuse_logins.popleft()
        if packet.version > self.plan.version_max:
            return 4
        if packet.source_addr != self.plan.sp_id:
            return 2
        digits = f"{packet.timestamp:010d}"
        wanted = authenticator_source(self.plan.sp_id, self.plan.secret, digits)
        return 0 if packet.authenticator == wanted else 3

    async def _converse(self, client: _Client, reader: asyncio.StreamReader) -> None:
        while True:
            sequence, packet = await _read(reader, client.version)
            if self.plan.deaf:
                continue
            match packet:
                case Submit():
                    self._submit(client, packet, sequence)
                case ActiveTest():
                    self.tests_answered += 1
                    client.send(ActiveTestAnswer(), sequence)
                case DeliverAnswer():
                    if client.waiting.pop(sequence, None) is not None and packet.result == 0:
                        self.reports_acknowledged += 1
                case Terminate():
                    client.send(TerminateAnswer(), sequence)
                    await client.writer.drain()
                    return
                case TerminateAnswer():
                    return
                case _:
                    log.info("not_spoken", kind=type(packet).__name__)

    # --- messages ---

    def _next(self) -> int:
        self._count = (self._count + 1) & 0xFFFF
        return self._count

    def _submit(self, client: _Client, submit: Submit, sequence: int) -> None:
        self.submits.append(submit)
        fault = self.plan.faults.popleft() if self.plan.faults else Fault.NONE
        refused = {Fault.FLOW: 8, Fault.REFUSED: 13}.get(fault)
        if refused is not None:
            client.send(SubmitAnswer(msg_id=0, result=refused), sequence)
        elif fault is Fault.DROP:
            client.writer.transport.abort()
        elif fault is not Fault.SILENT:
            self._start(self._carry(client, submit, sequence, fault))

    async def _carry(self, client: _Client, submit: Submit, sequence: int, fault: Fault) -> None:
        now = self._clock()
        msg_id = make_msg_id(now, GATEWAY, self._next())
        answer = SubmitAnswer(msg_id=msg_id, result=0)
        if fault is Fault.ANSWER_LATE:
            self._start(self._after(self.plan.late_s, lambda: client.send(answer, sequence)))
        elif fault not in {Fault.ANSWER_LOST, Fault.REPORT_FIRST}:
            client.send(answer, sequence)
        if fault is not Fault.REPORT_FIRST:
            await asyncio.sleep(self.plan.delay_s)
        for index, destination in enumerate(submit.destinations):
            number = plain_number(destination)
            failed = fault is Fault.FAILED or number in self.phones.unreachable
            if not failed:
                await self.phones.take(submit, destination)
            if fault is Fault.NO_REPORT or not submit.registered_delivery:
                continue
            report = StatusReport(
                msg_id=msg_id + index,
                stat="UNDELIV" if failed else "DELIVRD",
                submit_time=now.strftime("%y%m%d%H%M"),
                done_time=self._clock().strftime("%y%m%d%H%M"),
                destination=destination,
                smsc_sequence=self._count,
            )
            self._undelivered += [report] * (2 if fault is Fault.REPORT_TWICE else 1)
        self._send_reports()
        if fault is Fault.REPORT_FIRST:
            await asyncio.sleep(self.plan.delay_s)
            client.send(answer, sequence)

    def _send_reports(self) -> None:
        while self._undelivered and self._clients:
            client = self._clients[0]
            report = self._undelivered.popleft()
            short = Version.V20 if self.plan.reports_short else client.version
            packet = Deliver(
                msg_id=report.msg_id,
                destination="106901",
                source=report.destination,
                content=codec.encode_report(report, short),
                is_report=True,
            )
            sequence = client.deliver(packet)
            self._start(self._after(self.plan.answer_s, partial(self._again, client, sequence)))

    def _again(self, client: _Client, sequence: int) -> None:
        packet = client.waiting.pop(sequence, None)
        if packet is not None and packet.is_report:
            self._undelivered.append(_report_in(packet))
            self._send_reports()

    async def _after(self, wait_s: float, act: Callable[[], None]) -> None:
        await asyncio.sleep(wait_s)
        act()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _report_in(packet: Deliver) -> StatusReport:
    return codec.decode_report(packet.content)


async def _read(reader: asyncio.StreamReader, version: Version) -> tuple[int, Packet]:
    head = await reader.readexactly(4)
    length = int.from_bytes(head, "big")
    if not codec.HEADER <= length <= FRAME_OCTETS_MAX:
        raise codec.CodecError(f"a frame of {length} octets")
    return codec.decode(head + await reader.readexactly(length - 4), version)


@contextlib.asynccontextmanager
async def listening(
    operator: Operator, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """The gateway's port while the block runs; 0 takes a free one."""
    server = await asyncio.start_server(operator.serve, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await operator.close()
