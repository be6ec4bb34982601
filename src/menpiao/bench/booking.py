"""Bench of the booking server: everybody wants the same slot, against one statement each."""

import secrets
from collections import Counter
from collections.abc import Callable

from menpiao.bench.load import HttpAsker, Measured, Request, run_load
from menpiao.bench.people import numbers
from menpiao.bench.reference import SALE, SALE_TABLES, run_reference
from menpiao.bench.report import Report, at_least, at_most, machine, row
from menpiao.compose.bench import BenchStore, Park, bench_store, serving

_YES = b"HTTP/1.1 201"
_HTTP = (1, 32, 256)
_REFERENCE = (1, 8, 32)
_SMALL = 200
_OTHERS = 1_000_000  # as many as the reference has


class Buyers:
    """Makes bookings: a fresh token and a new person each time."""

    def __init__(self, product_id: int, start: int = 0) -> None:
        """Buy this product, for the people from the ``start``-th on."""
        self._product_id = product_id
        self._people = numbers(start)
        self._salt = secrets.token_hex(4)
        self._made = 0

    def booking(self, slot_id: int) -> Request:
        """The next booking of a slot, as octets."""
        self._made += 1
        token = f"bench-{self._salt}-{self._made:010d}"
        body = (
            f'{{"token":"{token}","product_id":{self._product_id},"slot_id":{slot_id},'
            f'"visitors":[{{"document_type":"resident_card","number":"{next(self._people)}",'
            f'"name":"李样例","people":1}}],"phone":"13800000000"}}'
        ).encode()
        head = b"POST /booking/v1/orders HTTP/1.1\r\nhost: bench\r\ncontent-length: "
        return Request(token, b"%b%d\r\n\r\n%b" % (head, len(body), body))


def bench_booking(seconds: int) -> Report:
    """Measure for so many seconds a case; then a slot that sells out; then count."""
    with bench_store() as store:
        park = store.plant_park(b"\0" * 32, _SMALL)
        store.script(SALE_TABLES)
        reference = [
            run_reference(store, f"reference {n} clients", SALE, n, seconds) for n in _REFERENCE
        ]
        buyers = Buyers(park.product_id)
        store.plant_tickets(park, [], _OTHERS if seconds > 2 else 1_000)
        store.settle()
        with serving(store, "booking") as port:
            cases = [_measure(port, buyers, park.hot_slot, "warm-up", 8, min(1, seconds / 4))]
            cases += [
                _measure(port, buyers, park.hot_slot, f"http {n} concurrent", n, seconds)
                for n in _HTTP
            ]
            rush = _measure(port, buyers, park.small_slot, "sold out", 64, min(2, seconds))
        violations = _violations(store, park, cases, rush)
    return _report(cases[1:], reference, violations)


def _measure(
    port: int, buyers: Buyers, slot_id: int, case: str, askers: int, seconds: float
) -> Measured:
    out = Measured(case)

    def book() -> Request:
        return buyers.booking(slot_id)

    make: Callable[[], HttpAsker] = lambda: HttpAsker(book, _YES, out)  # noqa: E731
    return run_load(port, make, out, askers=askers, seconds=seconds)


def _violations(store: BenchStore, park: Park, cases: list[Measured], rush: Measured) -> list[str]:
    """Every answered sale is written once, and the counts of places are those of the tickets."""
    found = []
    refused = sum((Counter(c.refused) for c in cases), Counter[str]())
    if refused:
        found.append(f"bookings of the open slot were refused: {dict(refused)}")
    answered = Counter(key for case in (*cases, rush) for key in case.confirmed)
    written = Counter(
        str(r[0]) for r in store.rows("SELECT substr(token, 5) FROM orders WHERE channel = 'web'")
    )
    if written != answered:
        missing, extra = answered - written, written - answered
        found.append(
            f"{missing.total()} answered not written, {extra.total()} written not answered"
        )
    slots = store.rows(
        "SELECT s.id, s.sold, s.capacity, coalesce((SELECT sum(people) FROM ticket t"
        " WHERE t.slot_id = s.id), 0) FROM slot s ORDER BY s.id"
    )
    for slot_id, sold, capacity, people in slots:
        if sold != people:
            found.append(f"slot {slot_id}: {sold} counted, {people} on tickets")
        if people > capacity:
            found.append(f"slot {slot_id}: oversold by {people - capacity}")
    day, total = store.rows(
        "SELECT (SELECT sum(sold) FROM day_capacity),"
        " (SELECT sum(people) FROM ticket WHERE slot_id > 0)"
    )[0]
    if day != total:
        found.append(f"day: {day} counted, {total} on tickets")
    if rush.refused and len(rush.confirmed) != _SMALL:
        found.append(f"slot {park.small_slot}: refused with {len(rush.confirmed)} of {_SMALL} sold")
    return found


def _report(cases: list[Measured], reference: list[Measured], violations: list[str]) -> Report:
    best = max(r.per_s for r in reference)
    measured = {c.case: c for c in cases}
    alone = measured["http 1 concurrent"].percentile_ms(0.5)
    return Report(
        bench="booking",
        machine=machine(),
        rows=[row(m, best) for m in (*reference, *cases)],
        violations=violations,
        targets=[
            at_least(
                "one hot slot, 32 concurrent, against the reference at 32 clients",
                4,
                measured["http 32 concurrent"].per_s / reference[-1].per_s,
            ),
            at_most(
                "one alone, p50 against the reference's at one client",
                4,
                alone / reference[0].percentile_ms(0.5),
            ),
        ],
    )
