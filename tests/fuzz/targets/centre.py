"""What reaches a centre: typed and scanned numbers, operators, payment platforms, devices."""

import contextlib
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from tests.fuzz.targets.target import Target

from menpiao.centre.check.identity import Identity
from menpiao.centre.check.identity import decode as decode_key
from menpiao.centre.check.service.paper_lines import FAULTS, MOST_PEOPLE, Written, lines_of
from menpiao.centre.check.service.paper_lines import Reader as PaperReader
from menpiao.centre.commerce.provider import Event, Notice, Outcome, Rejection
from menpiao.centre.commerce.wechat import answers
from menpiao.centre.commerce.wechat.notification import opened
from menpiao.centre.commerce.wechat.resource import Resource, ResourceError, unseal
from menpiao.centre.commerce.wechat.sign import PlatformKeys
from menpiao.centre.commerce.wechat.transport import unsigned_code
from menpiao.centre.doors import reading
from menpiao.centre.messaging.cmpp.codec import CodecError, decode, decode_report, encode
from menpiao.centre.messaging.cmpp.packets import Version
from menpiao.centre.messaging.parts import Joiner, read_header
from menpiao.domain.admission import Gate
from menpiao.domain.document import guess_type, parse_document
from menpiao.domain.document_types import Document, DocumentType
from menpiao.domain.identity import identity_text
from menpiao.domain.masking import mask_number
from menpiao.wire.unreadable import UNREADABLE

_WECHAT: Final = "menpiao.centre.commerce.wechat"
_CMPP: Final = "menpiao.centre.messaging.cmpp"
TODAY: Final = date(2026, 1, 1)
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: Final = (*DocumentType, "ticket")
_OF_MERCHANT: Final = MappingProxyType({"mchid": "1", "appid": "wx1"})
_KEY: Final = b"k" * 32
_TRADE: Final = msgspec.json.Decoder(answers.Transaction)
_REFUND: Final = msgspec.json.Decoder(answers.Refund)
_PROBLEM: Final = msgspec.json.Decoder(answers.Problem)
_KEYS: Final = PlatformKeys(by_serial={}, preferred="")
_HEADERS: Final = ("Signature", "Timestamp", "Nonce", "Serial", "Signature-Type")
_IDENTITY: Final = Identity(b"k" * 32)


_PAPER: Final = PaperReader(
    [Gate(id=1, site_id=1, name="东门", name_en="East")], ZoneInfo("Asia/Shanghai"), TODAY, NOW
)


class _Asked(msgspec.Struct, frozen=True):
    day: date
    page: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    text: str = ""


def document_number(data: bytes) -> None:
    """A number as it is typed, scanned from a code or read from a chip."""
    text = data[1:].decode("utf-8", "replace")
    kind = KINDS[data[0] % len(KINDS)] if data else "ticket"
    document = parse_document(kind, text, TODAY)
    if isinstance(document, Document):
        # What was understood is understood again, as the same person's.
        again = parse_document(document.type, document.number, TODAY)
        assert isinstance(again, Document)
        assert identity_text(again) == identity_text(document)
    assert len(mask_number(text)) <= max(18, len(text))
    guess_type(text)


def paper_line(data: bytes) -> None:
    """Lines that were typed or pasted from a sheet, after an emergency."""
    for _, line in lines_of(data.decode("utf-8", "replace")):
        found = _PAPER.read(line)
        if isinstance(found, Written):
            assert 1 <= found.people <= MOST_PEOPLE
            assert found.serial is not None or found.documents
            assert found.at <= NOW
        else:
            assert found.fault in FAULTS


def cmpp(data: bytes) -> None:
    version = Version.V30 if data[-1:] > b"\x7f" else Version.V20
    try:
        sequence, packet = decode(data, version)
        again = encode(packet, sequence, version)
    except CodecError:
        return
    # The other version's form is understood too; what it says beyond this one's is not sent.
    following, understood = decode(again, version)
    assert (following, type(understood)) == (sequence, type(packet))


def cmpp_report(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert decode_report(data).msg_id >= 0


def sms_parts(data: bytes) -> None:
    """Long messages: no header makes a joiner keep more than it is allowed to."""
    joiner = Joiner(piles_max=4)
    for at in range(0, len(data), 12):
        content = data[at : at + 12]
        header, rest = read_header(content)
        assert len(rest) <= len(content)
        assert header is None or 1 <= header.number <= header.total
        joiner.add("1", "2", content, float(at))
    assert joiner.waiting <= 4


def wechat_body(data: bytes) -> None:
    """Answers and notifications as they come, before and after their seal is opened."""
    assert unsigned_code(data).isprintable()
    assert isinstance(opened(data, NOW, apiv3_key=_KEY, **_OF_MERCHANT), Notice | Rejection)
    for decoder, meaning in ((_TRADE, answers.trade), (_REFUND, answers.refund)):
        try:
            told = decoder.decode(data)
        except UNREADABLE:
            continue
        outcome = meaning(told, now=NOW)
        assert isinstance(outcome, Outcome)
        assert outcome.event is None or isinstance(outcome.event, Event)
    with contextlib.suppress(*UNREADABLE):
        answers.refusal(400, _PROBLEM.decode(data))


def wechat_headers(data: bytes) -> None:
    """Everybody on the internet may send these: none of them is believed."""
    values = data.decode("latin-1").split("\n")
    fields = {f"Wechatpay-{name}": value for name, value in zip(_HEADERS, values, strict=False)}
    assert isinstance(_KEYS.verify(fields, b"", NOW), Rejection)


def wechat_seal(data: bytes) -> None:
    nonce, _, sealed = data.decode("latin-1").partition("\n")
    resource = Resource(algorithm="AEAD_AES_256_GCM", ciphertext=sealed, nonce=nonce)
    try:
        unseal(resource, _KEY)
    except ResourceError:
        return
    raise AssertionError


def device_token(data: bytes) -> None:
    """Tokens and signed challenges that nobody gave out."""
    text = data.decode("utf-8", "replace")
    assert _IDENTITY.device_of(text, NOW) is None
    assert not _IDENTITY.proves(1, b"\0" * 32, text, text[::-1], NOW)
    decode_key(text)


def door(data: bytes) -> None:
    """The query and the body of a door for machines: a refusal that names no value, or a value."""
    text = data.decode("utf-8", "replace")
    pairs = [pair.partition("=")[::2] for pair in text.split("&")]
    found = reading.parameters(_Asked, pairs)
    assert isinstance(found, _Asked | reading.Refusal)
    body = reading.decode(_DOOR, data)
    assert isinstance(body, _Asked | tuple)
    reading.is_json(text)


_DOOR: Final = msgspec.json.Decoder(_Asked)

ALL: Final = (
    Target(
        document_number,
        tuple(
            f"menpiao.domain.{name}"
            for name in ("document", "document_resident", "document_travel", "masking")
        ),
        32,
    ),
    Target(paper_line, ("menpiao.centre.check.service.paper_lines",), 80),
    Target(cmpp, (f"{_CMPP}.codec",), 260),
    Target(cmpp_report, (f"{_CMPP}.codec",), 72),
    Target(sms_parts, ("menpiao.centre.messaging.parts",), 48),
    Target(wechat_body, (f"{_WECHAT}.answers", f"{_WECHAT}.notification"), 300),
    Target(wechat_headers, (f"{_WECHAT}.sign",), 96),
    Target(wechat_seal, (f"{_WECHAT}.resource",), 64),
    Target(device_token, ("menpiao.centre.check.identity",), 80),
    Target(door, ("menpiao.centre.doors.reading",), 96),
)
