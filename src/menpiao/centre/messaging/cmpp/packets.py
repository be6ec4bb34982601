"""The packets of CMPP 2.0, 2.1 and 3.0 as values; :mod:`codec` turns them into octets and back."""

from dataclasses import dataclass
from enum import IntEnum

ANSWER = 0x80000000
"""Added to the number of a command in its answer."""


class Version(IntEnum):
    """What CONNECT names; the high half of the octet is the major version."""

    V20 = 0x20
    V21 = 0x21
    V30 = 0x30

    @property
    def wide(self) -> bool:
        """Whether the longer packets of version 3 are used."""
        return self >= Version.V30


class Command(IntEnum):
    """Command_Id of requests; answers add :data:`ANSWER`."""

    CONNECT = 0x1
    TERMINATE = 0x2
    SUBMIT = 0x4
    DELIVER = 0x5
    QUERY = 0x6
    CANCEL = 0x7
    ACTIVE_TEST = 0x8


class Format(IntEnum):
    """Msg_Fmt: how the content is coded."""

    ASCII = 0
    SIM_WRITE = 3
    BINARY = 4
    UCS2 = 8
    GB = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """The login of a service provider (section 3.1 of the protocol)."""

    source_addr: str
    authenticator: bytes
    version: int
    timestamp: int
    """Ten digits MMDDHHMMSS as a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectAnswer:
    """The gateway's answer to the login."""

    status: int
    """0 welcome, 1 structure, 2 source address, 3 authentication, 4 version too high, 5+ other."""
    authenticator: bytes = bytes(16)
    version: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Either side wants to end the connection."""


@dataclass(frozen=True, slots=True)
class TerminateAnswer:
    """The end is agreed."""


@dataclass(frozen=True, slots=True)
class ActiveTest:
    """Is anybody there?"""


@dataclass(frozen=True, slots=True)
class ActiveTestAnswer:
    """Yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """A message, or one part of one, to telephones."""

    destinations: tuple[str, ...]
    content: bytes
    msg_src: str
    """The enterprise code."""
    src_id: str
    """The number shown on the telephone."""
    service_id: str = ""
    msg_id: int = 0
    pk_total: int = 1
    pk_number: int = 1
    registered_delivery: int = 1
    """1: a report is wanted."""
    msg_level: int = 0
    fee_user_type: int = 0
    fee_terminal_id: str = ""
    fee_terminal_type: int = 0
    tp_pid: int = 0
    tp_udhi: int = 0
    """1: the content starts with a user data header."""
    msg_fmt: int = Format.UCS2
    fee_type: str = "01"
    fee_code: str = ""
    valid_time: str = ""
    at_time: str = ""
    destination_type: int = 0
    link_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAnswer:
    """What the gateway says to a SUBMIT; 0 accepted, 8 too fast, 3 this number was seen before."""

    msg_id: int
    result: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """A message from a telephone, or the report on one of ours."""

    msg_id: int
    destination: str
    """Our number."""
    source: str
    """The telephone; in a report the SUBMIT's destination."""
    content: bytes
    service_id: str = ""
    tp_pid: int = 0
    tp_udhi: int = 0
    msg_fmt: int = Format.ASCII
    source_type: int = 0
    is_report: bool = False
    link_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverAnswer:
    """The receiver has it (0), or cannot take it."""

    msg_id: int
    result: int = 0


@dataclass(frozen=True, slots=True)
class Other:
    """A command that is not spoken here: logged, never answered."""

    command: int
    body: bytes


Packet = (
    Connect
    | ConnectAnswer
    | Terminate
    | TerminateAnswer
    | ActiveTest
    | ActiveTestAnswer
    | Submit
    | SubmitAnswer
    | Deliver
    | DeliverAnswer
    | Other
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The content of a DELIVER that is a report."""

    msg_id: int
    """As in the answer to the SUBMIT."""
    stat: str
    """DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD, or a hop's ``MA:xxxx``."""
    submit_time: str
    """YYMMDDHHMM, the gateway's time."""
    done_time: str
    destination: str
    smsc_sequence: int = 0


def command_of(packet: Packet) -> int:
    """The Command_Id of a packet."""
    return packet.command if isinstance(packet, Other) else COMMANDS[type(packet)]


COMMANDS: dict[type[object], int] = {
    Connect: Command.CONNECT,
    ConnectAnswer: Command.CONNECT | ANSWER,
    Terminate: Command.TERMINATE,
    TerminateAnswer: Command.TERMINATE | ANSWER,
    Submit: Command.SUBMIT,
    SubmitAnswer: Command.SUBMIT | ANSWER,
    Deliver: Command.DELIVER,
    DeliverAnswer: Command.DELIVER | ANSWER,
    ActiveTest: Command.ACTIVE_TEST,
    ActiveTestAnswer: Command.ACTIVE_TEST | ANSWER,
}
