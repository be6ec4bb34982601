"""The main job, once: set up, enrol, book, pass the gate with a card, be refused the second time.

Everything on the way is real: the database, the servers over HTTP, the reader's frames on a
serial port, the printer's bytes on a socket. It is the operator's smoke test.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from menpiao.compose.lane import network_printer, serial_reader
from menpiao.domain.document import resident_number
from menpiao.domain.money import yuan
from menpiao.simulation.cards import resident
from menpiao.simulation.payment import wallet_path
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.proof import Steps
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.witness import Board, read_message, see_entry
from menpiao.terminals.parts.printer.slips import AdmissionFacts, admission_slip
from menpiao.terminals.parts.reader.base import CardPresented, CardRead, ReaderEvent
from menpiao.wire.check import proof_text

_WAIT_S = 10.0
BUYER = "13900000000"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the run happens: the centre's address, a one-time code, and today at the site.

    ``platform_url``: the simulated payment platform that the centre collects through;
    ``phones_url``: the simulated operator's telephones.
    """

    url: str
    enrolment_code: str
    today: date
    platform_url: str
    phones_url: str


@dataclass(frozen=True, slots=True)
class _Lane:
    """An enrolled lane with its reader and printer."""

    headers: Mapping[str, str]
    gate_id: int
    site: str


async def run_once(bench: Bench) -> bool:
    """Run the main job against a running centre; True when every step held."""
    steps = Steps()
    # A new person at each run: one document buys once a day.
    born = date(1950, 1, 1) + timedelta(days=secrets.randbelow(3000))
    number = resident_number("110105", born, 1 + secrets.randbelow(998))
    try:
        async with (
            httpx.AsyncClient(base_url=bench.url, timeout=_WAIT_S) as http,
            SimulatedReader() as reader,
            SimulatedPrinter() as printer,
        ):
            lane = await _enrol(steps, http, bench)
            await _book(steps, http, bench, number)
            order_no = await _pay(steps, http, bench)
            await read_message(steps, bench.phones_url, BUYER, order_no)
            board = await Board.open(bench.url)
            before = await board.entries()
            cards: asyncio.Queue[CardRead] = asyncio.Queue()

            def deliver(event: ReaderEvent) -> None:
                if isinstance(event, CardPresented):
                    cards.put_nowait(event.card)

            driver = asyncio.create_task(serial_reader(reader.port).run(deliver))
            try:
                await _pass(steps, http, lane, (reader, cards, printer, number))
                await see_entry(steps, board, before)
                await _refused(steps, http, lane, (reader, cards, number))
            finally:
                driver.cancel()
    except Exception:  # noqa: BLE001 - the step has printed it; the exit code tells the rest
        steps.failed = True
    return not steps.failed


async def _enrol(steps: Steps, http: httpx.AsyncClient, bench: Bench) -> _Lane:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with steps.step("enrol the gate with a one-time code"):
        body = {"code": bench.enrolment_code, "public_key": _text(raw), "name": "smoke test"}
        enrolled = _good(await http.post("/check/v1/devices", json=body), 201)
        challenge = _good(await http.post("/check/v1/challenges"))["challenge"]
        signature = key.sign(proof_text(enrolled["device_id"], challenge))
        proof = {
            "type": "proof",
            "device_id": enrolled["device_id"],
            "challenge": challenge,
            "signature": _text(signature),
        }
        session = _good(await http.post("/check/v1/sessions", json=proof))
        gate = enrolled["gates"][0]
        steps.prove(bool(session["token"]), f"{enrolled['site']}, {gate['name']}")
    head = {"Authorization": f"Bearer {session['token']}"}
    return _Lane(head, gate["id"], enrolled["site"])


async def _book(steps: Steps, http: httpx.AsyncClient, bench: Bench, number: str) -> None:
    with steps.step("book a ticket with an ID number"):
        days = _good(await http.get(f"/booking/v1/products/1/days?from={bench.today}&days=1"))
        slots = _good(await http.get(f"/booking/v1/products/1/slots?date={bench.today}"))
        order = {
            "token": secrets.token_hex(16),
            "product_id": 1,
            "slot_id": slots[0]["id"],
            "visitors": [{"document_type": "resident_card", "number": number, "name": "李样例"}],
            "phone": "13800000000",
        }
        quote = _good(await http.post("/booking/v1/quotes", json=order))
        booked = _good(await http.post("/booking/v1/orders", json=order), 201)
        again = _good(await http.post("/booking/v1/orders", json=order), 201)
        left = _good(await http.get(f"/booking/v1/products/1/days?from={bench.today}&days=1"))
        one_less = days[0]["remaining"] - left[0]["remaining"] == 1
        reason = quote["lines"][0]["reason_zh"]
        proof = f"order {booked['order_no']}, {reason}, asked twice and sold once"
        steps.prove(booked["state"] == "paid" and again == booked and one_less, proof)


async def _pay(steps: Steps, http: httpx.AsyncClient, bench: Bench) -> str:
    """Pay for an order at full price; its number."""
    born = date(1985, 1, 1) + timedelta(days=secrets.randbelow(3000))
    number = resident_number("310101", born, 1 + secrets.randbelow(998))
    with steps.step("book at full price"):
        slots = _good(await http.get(f"/booking/v1/products/1/slots?date={bench.today}"))
        order = {
            "token": secrets.token_hex(16),
            "product_id": 1,
            "slot_id": slots[0]["id"],
            "visitors": [{"document_type": "resident_card", "number": number, "name": "王样例"}],
            "phone": BUYER,
        }
        booked = _good(await http.post("/booking/v1/orders", json=order), 201)
        view = await _until(http, booked, lambda seen: bool(seen["code_url"]))
        held = view["tickets"][0]["state"] == "held"
        proof = f"order {booked['order_no']}, {yuan(booked['total_fen'])} yuan, QR code shown"
        steps.prove(held and view["state"] == "awaiting_payment", proof)
    with steps.step("pay through the platform"):
        wallet = bench.platform_url + wallet_path(view["code_url"])
        async with httpx.AsyncClient(timeout=_WAIT_S, follow_redirects=True) as visitor:
            page = str((await visitor.get(wallet)).url)
            (await visitor.post(page, data={"action": "pay"})).raise_for_status()
        paid = await _until(http, booked, lambda seen: seen["state"] == "paid")
        valid = paid["tickets"][0]["state"] == "valid"
        steps.prove(valid, "sealed notification verified, order paid, ticket valid")
    return str(booked["order_no"])


async def _until(
    http: httpx.AsyncClient, booked: dict[str, Any], met: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The order as its buyer sees it, once it is as wanted."""
    head = {"X-Order-Secret": booked["secret"]}
    async with asyncio.timeout(_WAIT_S):
        while True:
            response = await http.get(f"/booking/v1/orders/{booked['order_no']}", headers=head)
            seen: dict[str, Any] = _good(response)
            if met(seen):
                return seen
            await asyncio.sleep(0.05)


async def _pass(
    steps: Steps,
    http: httpx.AsyncClient,
    lane: _Lane,
    parts: tuple[SimulatedReader, "asyncio.Queue[CardRead]", SimulatedPrinter, str],
) -> None:
    reader, cards, printer, number = parts
    with steps.step("lay the card on the gate's reader"):
        reader.lay(resident(number, "李样例"))
        card = await asyncio.wait_for(cards.get(), _WAIT_S)
        reader.lift()
        steps.prove(card.number == number, f"{card.document_type} read over the serial port")
    with steps.step("ask the ticket centre"):
        answer = await _ask(http, lane, card)
        steps.prove(answer["admitted"], f"{answer['zh']} · {answer['ticket_no']}")
    with steps.step("print the slip"):
        host, port = printer.address
        facts = AdmissionFacts(
            site=lane.site,
            status=answer["zh"],
            people=answer["people"],
            ticket_number=answer["ticket_no"],
            checked_at=_local(answer),
            place=answer["place"],
            holder_masked=answer["holder"],
        )
        await network_printer(host, port).print_slip(admission_slip(facts))
        slip = await printer.wait_for_job(_WAIT_S)
        text = "\n".join(slip.lines)
        five = (answer["zh"], str(answer["people"]), answer["ticket_no"], answer["place"])
        when = _local(answer).strftime("%H:%M")
        whole = all(fact in text for fact in (*five, when))
        steps.prove(whole and number not in text, "status, people, number, time and place on paper")


async def _refused(
    steps: Steps,
    http: httpx.AsyncClient,
    lane: _Lane,
    parts: tuple[SimulatedReader, "asyncio.Queue[CardRead]", str],
) -> None:
    reader, cards, number = parts
    with steps.step("lay the same card again"):
        await asyncio.sleep(3.2)  # the reader holds one presentation for a few seconds
        reader.lay(resident(number, "李样例"))
        card = await asyncio.wait_for(cards.get(), _WAIT_S)
        reader.lift()
        answer = await _ask(http, lane, card)
        refused = not answer["admitted"] and bool(answer["since"]) and bool(answer["since_place"])
        proof = f"{answer['zh']} · {answer['since_place']}"
        steps.prove(refused, proof)


async def _ask(http: httpx.AsyncClient, lane: _Lane, card: CardRead) -> dict[str, Any]:
    ask = {
        "type": "ask",
        "nonce": secrets.token_urlsafe(12),
        "gate_id": lane.gate_id,
        "credential": {"kind": card.document_type, "number": card.number},
    }
    response = await http.post("/check/v1/admissions", json=ask, headers=dict(lane.headers))
    answer: dict[str, Any] = _good(response)
    return answer


def _local(answer: dict[str, Any]) -> datetime:
    zone = timezone(timedelta(seconds=answer["utc_offset_s"]))
    return datetime.fromisoformat(answer["at"]).astimezone(zone)


def _good(response: httpx.Response, status: int = 200) -> Any:
    if response.status_code != status:
        msg = f"{response.request.url.path} answered {response.status_code}: {response.text[:200]}"
        raise RuntimeError(msg)
    return response.json()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
