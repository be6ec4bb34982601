"""CMPP for the connection core: packets in and out, the account, the login."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from menpiao.centre.messaging.cmpp import codec
from menpiao.centre.messaging.cmpp.packets import (
    ANSWER,
    ActiveTest,
    ActiveTestAnswer,
    Connect,
    ConnectAnswer,
    Packet,
    Terminate,
    TerminateAnswer,
    Version,
    command_of,
)
from menpiao.centre.messaging.cmpp.proof import (
    authenticator_source,
    gateway_proved,
    timestamp_of,
)
from menpiao.centre.messaging.link import LoginRefusedError, Reconnect
from menpiao.centre.messaging.session import Frame, FrameError, Session, SessionError, Timers

log = structlog.get_logger(__name__)

LOGIN_ERRORS = {
    1: "structure",
    2: "source address",
    3: "authentication",
    4: "version too high",
}


VERSION_TOO_HIGH = 4


class VersionTooHighError(LoginRefusedError):
    """The gateway does not speak the version that we offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the contract with the operator or aggregator says; fee fields are the contract's."""

    host: str
    port: int = 7890
    sp_id: str
    secret: str = field(repr=False)
    src_id: str
    service_id: str = "MENPIAO"
    version: Version = Version.V30
    """Tried first; a gateway that finds it too high is offered 2.0."""
    messages_per_second: float = 50.0
    report_wanted: bool = True
    msg_level: int = 0
    fee_user_type: int = 2
    fee_type: str = "01"
    fee_code: str = "0"
    country_prefix: str = ""
    """Put before mainland numbers where a gateway wants it: ``86``."""
    timers: Timers = field(default_factory=Timers)
    reconnect: Reconnect = field(default_factory=Reconnect)


@dataclass(slots=True)
class CmppDialect:
    """CMPP in the version that was agreed."""

    version: Version
    header_octets: int = codec.HEADER

    def encode(self, packet: Packet, sequence: int) -> bytes:
        """The octets of a packet; ``ValueError`` when it cannot be sent."""
        return codec.encode(packet, sequence, self.version)

    def decode(self, frame: bytes) -> Frame[Packet]:
        """The packet in a frame."""
        try:
            sequence, packet = codec.decode(frame, self.version)
        except codec.CodecError as error:
            raise FrameError(str(error)) from error
        return Frame(sequence, packet, bool(command_of(packet) & ANSWER))

    def keep_alive(self) -> Packet:
        """ACTIVE_TEST."""
        return ActiveTest()

    def goodbye(self) -> Packet:
        """TERMINATE."""
        return Terminate()

    def is_goodbye(self, packet: Packet) -> bool:
        """Whether it is a TERMINATE."""
        return isinstance(packet, Terminate)

    def reply(self, packet: Packet) -> Packet | None:
        """The answers to ACTIVE_TEST and TERMINATE."""
        match packet:
            case ActiveTest():
                return ActiveTestAnswer()
            case Terminate():
                return TerminateAnswer()
            case _:
                return None

    def pairs(self, request: Packet, answer: Packet) -> bool:
        """Whether the answer's command is the request's."""
        return command_of(request) | ANSWER == command_of(answer)


async def log_in(
    session: Session[Packet], dialect: CmppDialect, account: Account, clock: Callable[[], datetime]
) -> None:
    """CONNECT, and agree on the version.

    Raises:
        LoginRefusedError: the gateway said no.
        SessionError: it said nothing.
    """
    timestamp = timestamp_of(clock())
    request = Connect(
        source_addr=account.sp_id,
        authenticator=authenticator_source(account.sp_id, account.secret, timestamp),
        version=dialect.version,
        timestamp=int(timestamp),
    )
    answer = await session.request(request)
    if not isinstance(answer, ConnectAnswer):
        raise SessionError("CONNECT was answered with something else")
    if answer.status:
        text = LOGIN_ERRORS.get(answer.status, "other")
        refusal = VersionTooHighError if answer.status == VERSION_TOO_HIGH else LoginRefusedError
        raise refusal(f"login refused: {answer.status} {text}")
    if not gateway_proved(answer, request, account.secret):
        # Gateways differ in how they compute it, and many compute it wrongly: not a reason to
        # stay silent.
        log.warning("gateway_not_proved", host=account.host)
    if answer.version < dialect.version and answer.version in set(Version):
        dialect.version = Version(answer.version)
