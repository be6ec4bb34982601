"""Bench of the check server: asks over HTTP and over the gates' link, against one statement."""

import base64
import random
from collections import Counter
from collections.abc import Callable
from itertools import count, islice

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from menpiao.bench.load import HttpAsker, LinkAsker, Measured, Request, run_load, text_frame
from menpiao.bench.people import numbers
from menpiao.bench.reference import CHECK, CHECK_TABLES, run_reference
from menpiao.bench.report import Report, at_least, at_most, machine, row
from menpiao.compose.bench import BenchStore, Park, bench_store, serving
from menpiao.wire.check import LINK_SUBPROTOCOL, proof_text

_YES = b'"admitted":true'
_HTTP = (1, 32, 256)
_LINKS = ((1, 1), (32, 1), (8, 32))
_REFERENCE = (1, 8, 32)


class _Asks:
    """Makes asks: a fresh nonce, a random one of the visitors."""

    def __init__(self, visitors: list[str], gate_id: int) -> None:
        self._visitors = visitors
        self._gate_id = gate_id
        self._count = count()
        self._pick = random.Random(1)

    def body(self) -> tuple[str, bytes]:
        nonce = f"bench-{next(self._count):012d}"
        number = self._visitors[int(self._pick.random() * len(self._visitors))]
        text = (
            f'{{"type":"ask","nonce":"{nonce}","gate_id":{self._gate_id},"people":1,'
            f'"credential":{{"kind":"resident_card","number":"{number}"}}}}'
        )
        return nonce, text.encode()


class _Device:
    """A check terminal's identity."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = 0

    def proof(self, challenge: str) -> dict[str, object]:
        signature = self._key.sign(proof_text(self.id, challenge))
        text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        return {"type": "proof", "device_id": self.id, "challenge": challenge, "signature": text}

    def prove(self, hello: bytes) -> bytes:
        return msgspec.json.encode(self.proof(msgspec.json.decode(hello)["challenge"]))

    def token(self, port: int) -> str:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/check/v1") as client:
            challenge = client.post("/challenges").raise_for_status().json()["challenge"]
            answer = client.post("/sessions", json=self.proof(challenge)).raise_for_status()
            return str(answer.json()["token"])


def bench_check(seconds: int) -> Report:
    """Measure for so many seconds a case; then count in the data store."""
    device = _Device()
    # A day of a very large park, among a million; fewer where only the bench itself is tried.
    asked, others = (80_000, 920_000) if seconds > 2 else (2_000, 5_000)
    visitors = list(islice(numbers(), asked))
    with bench_store() as store:
        park = store.plant_park(device.public_key, 1)
        device.id = park.device_id
        store.plant_tickets(park, visitors, others)
        store.script(CHECK_TABLES.format(count=asked + others))
        script = CHECK.format(asked=asked)
        reference = [
            run_reference(store, f"reference {n} clients", script, n, seconds) for n in _REFERENCE
        ]
        store.settle()
        with serving(store, "check") as port:
            cases = _measure(port, device, _Asks(visitors, park.gate_id), seconds)
        violations = _violations(store, park, cases)
    return _report(cases, reference, violations)


def _measure(port: int, device: _Device, asks: _Asks, seconds: int) -> list[Measured]:
    head = (
        f"POST /check/v1/admissions HTTP/1.1\r\nhost: bench\r\n"
        f"authorization: Bearer {device.token(port)}\r\ncontent-length: "
    ).encode()

    def over_http() -> Request:
        key, body = asks.body()
        return Request(key, b"%b%d\r\n\r\n%b" % (head, len(body), body))

    def over_link() -> Request:
        key, body = asks.body()
        return Request(key, text_frame(body))

    upgrade = (
        "GET /check/v1/link HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\n"
        "connection: Upgrade\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"sec-websocket-protocol: {LINK_SUBPROTOCOL}\r\n\r\n"
    ).encode()

    def http_asker(out: Measured) -> Callable[[], HttpAsker]:
        return lambda: HttpAsker(over_http, _YES, out)

    def link_asker(out: Measured) -> Callable[[], LinkAsker]:
        return lambda: LinkAsker(over_link, _YES, out, upgrade, device.prove)

    warm = Measured("warm-up")
    cases = [run_load(port, http_asker(warm), warm, askers=8, seconds=min(1, seconds / 4))]
    for askers in _HTTP:
        out = Measured(f"http {askers} concurrent")
        cases.append(run_load(port, http_asker(out), out, askers=askers, seconds=seconds))
    for links, depth in _LINKS:
        out = Measured(f"link {links} × {depth} in flight")
        make = link_asker(out)
        cases.append(run_load(port, make, out, askers=links, depth=depth, seconds=seconds))
    return cases


def _violations(store: BenchStore, park: Park, cases: list[Measured]) -> list[str]:
    """What was answered must be written, once; no ticket may be used beyond its people."""
    found = []
    refused = sum((Counter(c.refused) for c in cases), Counter[str]())
    if refused:
        found.append(f"asks of good tickets were refused: {dict(refused)}")
    answered = Counter(key for case in cases for key in case.confirmed)
    written = Counter(
        str(r[0])
        for r in store.rows(
            "SELECT nonce FROM admission WHERE site_id = %s AND admitted", [park.site_id]
        )
    )
    if written != answered:
        missing, extra = answered - written, written - answered
        found.append(
            f"{missing.total()} answered not written, {extra.total()} written not answered"
        )
    over = store.rows("SELECT count(*) FROM ticket WHERE used > people")[0][0]
    if over:
        found.append(f"{over} tickets are over-used")
    differing = store.rows(
        "SELECT count(*) FROM ticket t LEFT JOIN (SELECT ticket_id, sum(people) AS people"
        " FROM admission WHERE admitted GROUP BY ticket_id) a ON a.ticket_id = t.id"
        " WHERE t.used <> coalesce(a.people, 0)"
    )[0][0]
    if differing:
        found.append(f"{differing} tickets are used more or less than their admissions say")
    return found


def _report(cases: list[Measured], reference: list[Measured], violations: list[str]) -> Report:
    best = max(r.per_s for r in reference)
    measured = {c.case: c for c in cases[1:]}
    alone = measured["http 1 concurrent"].percentile_ms(0.5)
    crowd = max(measured["http 32 concurrent"].per_s, measured["http 256 concurrent"].per_s)
    return Report(
        bench="check",
        machine=machine(),
        rows=[row(m, best) for m in (*reference, *measured.values())],
        violations=violations,
        targets=[
            at_least("HTTP at 32 or more, against the reference's best", 0.7, crowd / best),
            at_least(
                "link with asks in flight, against the reference's best",
                1,
                measured["link 8 × 32 in flight"].per_s / best,
            ),
            at_most(
                "one alone, p50 against the reference's at one client",
                4,
                alone / reference[0].percentile_ms(0.5),
            ),
        ],
    )
