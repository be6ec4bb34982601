"""Bench of lanes: from a card's text on the wire to screen and relay, alone and forty at a rush.

Reader and relay are on pseudo-terminals that carry octets at once, so what a line needs at its rate
(112 ms for a card at 115200 baud) is in none of the figures. What a lane waits for by itself
(looking for a card ten times a second, the pauses that reader modules need) is in ``laid → pulse``.
"""

import asyncio
import base64
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path

import structlog

from menpiao.bench.booking import Buyers
from menpiao.bench.lanes import BenchLane, Passage
from menpiao.bench.load import HttpAsker, Measured, Request, run_load
from menpiao.bench.people import numbers
from menpiao.bench.report import Report, Target, at_most, machine, row
from menpiao.compose.bench import BenchStore, Park, bench_store, serving
from menpiao.terminals.parts.link.identity import Identity, new_identity

LANES = 40
EVERY_S = 1.5
_ALONE_EVERY_S = 0.9
_BUYERS = 16


def bench_gate(seconds: int) -> Report:
    """Measure one lane for so many seconds, then forty lanes beside a booking rush as long."""
    # Forty lanes would tell the terminal of every card.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    visitors = list(islice(numbers(), max(400, int(LANES * seconds / EVERY_S) + 400)))
    identities = [new_identity() for _ in range(LANES)]
    with bench_store() as store:
        park = store.plant_park(_raw(identities[0]), 1)
        ids = [park.device_id, *store.plant_devices(park, [_raw(i) for i in identities[1:]])]
        identities = [i.enrolled_as(n) for i, n in zip(identities, ids, strict=True)]
        store.plant_tickets(park, visitors, 20_000 if seconds > 2 else 1_000)
        # One person each: a pulse for everybody on a ticket would keep the next one waiting.
        store.script("UPDATE ticket SET people = 1")
        with serving(store, "check", "booking") as port:
            people = iter(visitors)
            stage = (store.folder, port, park)
            alone = asyncio.run(_lanes(stage, identities[:1], people, (_ALONE_EVERY_S, seconds)))
            answers: multiprocessing.Queue[tuple[list[float], float]] = multiprocessing.Queue()
            rush = multiprocessing.Process(target=_rush, args=(port, park, seconds, answers))
            rush.start()
            crowd = asyncio.run(_lanes(stage, identities, people, (EVERY_S, seconds)))
            latencies_s, elapsed_s = answers.get(timeout=60)
            rush.join(20)
        violations = _violations(store, park, [*alone, *crowd])
    bookings = Measured("the rush meanwhile: bookings", elapsed_s, latencies_s)
    return _report(alone, crowd, bookings, violations)


def _raw(identity: Identity) -> bytes:
    text = identity.public_key
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def _lanes(
    stage: tuple[Path, int, Park],
    identities: Sequence[Identity],
    people: Iterator[str],
    pace: tuple[float, float],
) -> list[Passage]:
    """Run a lane for each identity; each takes its own visitors."""
    folder, port, park = stage
    every_s, seconds = pace
    each = int(seconds / every_s) + 1
    async with AsyncExitStack() as stack:
        lanes = []
        for number, identity in enumerate(identities):
            place = folder / f"lanes-{len(identities)}" / str(number)
            lane = BenchLane(f"http://127.0.0.1:{port}", park.gate_id, identity, place)
            lanes.append(await stack.enter_async_context(lane))
        for lane in lanes:
            await lane.ready()
        until = time.perf_counter() + seconds
        walks = []
        for number, lane in enumerate(lanes):
            mine = list(islice(people, each))
            walks.append(_later(lane, mine, every_s, until, number * every_s / len(lanes)))
        await asyncio.gather(*walks)
        return [passage for lane in lanes for passage in lane.passages]


async def _later(
    lane: BenchLane, mine: Sequence[str], every_s: float, until: float, after_s: float
) -> None:
    # Visitors do not come in step at all lanes.
    await asyncio.sleep(after_s)
    await lane.walk(mine, every_s, until)


def _rush(
    port: int,
    park: Park,
    seconds: float,
    answers: "multiprocessing.Queue[tuple[list[float], float]]",
) -> None:
    """Everybody wants the same slot, meanwhile; in a process of its own."""
    buyers = Buyers(park.product_id, start=2_000_000)
    out = Measured("rush")

    def book() -> Request:
        return buyers.booking(park.hot_slot)

    make: Callable[[], HttpAsker] = lambda: HttpAsker(book, b"HTTP/1.1 201", out)  # noqa: E731
    run_load(port, make, out, askers=_BUYERS, seconds=seconds)
    answers.put((out.latencies_s, out.elapsed_s))


def _violations(store: BenchStore, park: Park, passages: Sequence[Passage]) -> list[str]:
    """Every card that was laid has let its holder in, once; the data store knows the same."""
    found = []
    bad = [p for p in passages if not p.admitted]
    if bad:
        found.append(f"{len(bad)} good cards were not admitted: {bad[0].said}")
    admitted = store.rows(
        "SELECT count(*), count(DISTINCT ticket_id) FROM admission WHERE site_id = %s AND admitted",
        [park.site_id],
    )[0]
    good = len(passages) - len(bad)
    if admitted != (good, good):
        found.append(f"{good} let in at lanes, {admitted[0]} written on {admitted[1]} tickets")
    return found


def _measured(case: str, latencies: Sequence[float], elapsed_s: float) -> Measured:
    return Measured(case, elapsed_s=elapsed_s, latencies_s=list(latencies))


def _report(
    alone: Sequence[Passage], crowd: Sequence[Passage], rush: Measured, violations: list[str]
) -> Report:
    cases: list[Measured] = []
    for name, passages, every_s, lanes in (
        ("1 lane", alone, _ALONE_EVERY_S, 1),
        (f"{LANES} lanes and a rush", crowd, EVERY_S, LANES),
    ):
        elapsed_s = len(passages) * every_s / lanes
        good = [p for p in passages if p.admitted]
        cases += [
            _measured(f"{name}: text → screen", [p.screen_s for p in good], elapsed_s),
            _measured(f"{name}: text → pulse", [p.pulse_s for p in good], elapsed_s),
            _measured(f"{name}: laid → pulse", [p.laid_to_pulse_s for p in good], elapsed_s),
        ]
    pulse, crowded = cases[1], cases[4]
    slowest = max((p.pulse_s for p in crowd if p.admitted), default=0.0)
    targets: list[Target] = [
        at_most("one lane, text to pulse, median ms", 10, pulse.percentile_ms(0.5)),
        at_most("one lane, text to pulse, p99 ms", 25, pulse.percentile_ms(0.99)),
        at_most(f"{LANES} lanes beside a rush, slowest ms", 300, slowest * 1000),
    ]
    best = max(crowded.per_s, 1e-9)
    if not rush.latencies_s:
        violations = [*violations, "the rush sold nothing: the lanes had it easy"]
    return Report(
        bench="gate",
        machine=machine(),
        rows=[row(m, best) for m in (*cases, rush)],
        violations=violations,
        targets=targets,
    )
