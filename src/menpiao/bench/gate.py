"""Bench of lanes: from a card to screen and relay, alone and forty at a rush.

Reader and relay are on pseudo-terminals. The reader gives a card's octets as a line of 115200 baud
does, and what they need (112 ms) is taken off: ``laid → pulse`` begins when the card is put down,
``read → pulse`` when its last octet has come. What a lane waits for by itself, looking for a card
every so often and pausing between commands, is in the former: one lane is measured with the pauses
as shipped and with the shortest.

Each is measured with the centre and without: the cable is pulled, which tells nobody, and later put
back. Of forty lanes it is pulled in the middle of the run, under visitors at the readers.
"""

import asyncio
import base64
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import structlog

from menpiao.bench.booking import Buyers
from menpiao.bench.cable import Cable
from menpiao.bench.crowd import Crowd, Post
from menpiao.bench.lanes import BenchLane, Passage
from menpiao.bench.load import HttpAsker, Measured, Request, run_load
from menpiao.bench.people import numbers
from menpiao.bench.report import Report, Row, Target, at_most, machine, row
from menpiao.compose.bench import BenchStore, Park, bench_store, serving
from menpiao.terminals.parts.link.identity import Identity, new_identity

LANES = 40
EVERY_S = 1.5
_ALONE_EVERY_S = 0.9
_ALONE_MOST_S = 60
"""Longer tells no more of one lane: the ten minutes of a long run are those of the forty."""
_CROWD_LEAST_S = 9
"""So that lanes without the centre notice, decide alone and meet it again."""
_SLOWEST_MS = 300
_PAUSES = {"1 lane": (0.1, 0.02), "1 lane, short pauses": (0.002, 0.0)}
"""``poll_s`` and ``gap_s`` of a reader: as shipped, and the shortest that may be set."""
_BUYERS = 16


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where lanes are measured."""

    folder: Path
    park: Park
    cable: Cable
    people: Iterator[str]


@dataclass(frozen=True, slots=True)
class _Case:
    """Passages that are told of together; ``rate_s``: one card in so many seconds."""

    name: str
    passages: Sequence[Passage]
    rate_s: float


def bench_gate(seconds: int) -> Report:
    """Measure one lane for at most a minute with the centre and without, then forty lanes.

    The one lane is measured twice, with the pauses as shipped and with the shortest. The forty
    have a booking rush beside them for ``seconds``; in the middle third of these their cable is
    pulled.
    """
    # Forty lanes would tell the terminal of every card.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    crowd_s = max(seconds, _CROWD_LEAST_S)
    alone_s = min(seconds, _ALONE_MOST_S)
    visitors = list(islice(numbers(), int(LANES * crowd_s / EVERY_S) + 8 * alone_s + 400))
    identities = [new_identity() for _ in range(LANES)]
    with bench_store() as store:
        park = store.plant_park(_raw(identities[0]), 1)
        ids = [park.device_id, *store.plant_devices(park, [_raw(i) for i in identities[1:]])]
        identities = [i.enrolled_as(n) for i, n in zip(identities, ids, strict=True)]
        store.plant_tickets(park, visitors, 20_000 if seconds > 2 else 1_000)
        store.plant_gate_hashes(park, visitors)
        # One person each: a pulse for everybody on a ticket would keep the next one waiting.
        store.script("UPDATE ticket SET people = 1")
        with serving(store, "check", "booking") as port, Cable(port) as cable:
            stage = _Stage(store.folder, park, cable, iter(visitors))
            alone = asyncio.run(_alone(stage, identities[0], alone_s))
            answers: multiprocessing.Queue[tuple[list[float], float]] = multiprocessing.Queue()
            rush = multiprocessing.Process(target=_rush, args=(port, park, crowd_s, answers))
            crowd = _crowd(stage, identities, crowd_s, rush)
            latencies_s, elapsed_s = answers.get(timeout=60)
            rush.join(20)
        cases = [*alone, *crowd]
        violations = _violations(store, park, [p for case in cases for p in case.passages])
    bookings = Measured("the rush meanwhile: bookings", elapsed_s, latencies_s)
    return _report(cases, bookings, violations)


def _raw(identity: Identity) -> bytes:
    text = identity.public_key
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _lane(stage: _Stage, name: str, number: int, identity: Identity) -> BenchLane:
    address = f"http://127.0.0.1:{stage.cable.port}"
    pauses = _PAUSES.get(name, _PAUSES["1 lane"])
    place = stage.folder / name / str(number)
    return BenchLane(address, stage.park.gate_id, identity, place, *pauses)


async def _alone(stage: _Stage, identity: Identity, seconds: int) -> list[_Case]:
    """One lane, first with the centre and then without; and again with short pauses."""
    cases = []
    for pauses in _PAUSES:
        async with _lane(stage, pauses, 0, identity) as lane:
            await lane.ready()
            mine = []
            for name, mode in ((pauses, "centre"), (f"{pauses}, off line", "lane")):
                if mode == "lane":
                    stage.cable.pull()
                    # Nothing tells a lane that its cable is pulled but a card without an answer.
                    await lane.lay(next(stage.people))
                await lane.decides(mode)
                begins = len(lane.passages)
                visitors = list(islice(stage.people, int(seconds / _ALONE_EVERY_S) + 1))
                await lane.walk(visitors, _ALONE_EVERY_S, time.perf_counter() + seconds)
                mine.append(_Case(name, lane.passages[begins:], _ALONE_EVERY_S))
            stage.cable.plug()
            await lane.decides("centre", queue=0)
            caught = [p for p in lane.passages if not any(p in case.passages for case in mine)]
            cases += [*mine, _Case("", caught, _ALONE_EVERY_S)]
    return cases


def _crowd(
    stage: _Stage, identities: Sequence[Identity], seconds: int, rush: multiprocessing.Process
) -> list[_Case]:
    """Forty lanes, each with its own visitors; the cable is pulled for the middle third."""
    each = int(seconds / EVERY_S) + 1
    posts = [
        Post(
            partial(_lane, stage, f"{LANES} lanes", number, identity),
            list(islice(stage.people, each)),
            EVERY_S,
            # Visitors do not come in step at all lanes.
            number * EVERY_S / LANES,
        )
        for number, identity in enumerate(identities)
    ]
    with Crowd(posts) as crowd:
        rush.start()
        crowd.begin(time.perf_counter() + seconds)
        begins, ends = _pull(stage.cable, seconds / 3)
        passages = crowd.passages(seconds / 3)
    off = [p for p in passages if p.mode == "lane"]
    on = [p for p in passages if p.mode != "lane"]
    caught = [p for p in on if begins <= p.ended_at and p.laid_at < ends]
    rest = [p for p in on if p not in caught]
    rate_s = EVERY_S / LANES
    return [
        _Case(f"{LANES} lanes and a rush", rest, rate_s),
        _Case(f"{LANES} lanes, off line", off, rate_s),
        _Case(f"{LANES} lanes, caught by it", caught, rate_s),
    ]


def _pull(cable: Cable, third_s: float) -> tuple[float, float]:
    """Pull the cable after a third of the run, for a third of it; when that was."""
    time.sleep(third_s)
    begins = time.perf_counter()
    cable.pull()
    time.sleep(third_s)
    cable.plug()
    return begins, time.perf_counter()


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
    conflicts = store.rows("SELECT count(*) FROM conflict WHERE site_id = %s", [park.site_id])
    if conflicts != [(0,)]:
        found.append(f"{conflicts[0][0]} admissions are in conflict with others")
    if admitted != (good, good):
        found.append(f"{good} let in at lanes, {admitted[0]} written on {admitted[1]} tickets")
    return found


def _report(cases: Sequence[_Case], rush: Measured, violations: list[str]) -> Report:
    told = [case for case in cases if case.name]
    best = max(1 / case.rate_s for case in told)
    rows: list[Row] = []
    targets: list[Target] = []
    for case in told:
        good = [p for p in case.passages if p.admitted]
        if not good:
            violations = [*violations, f"{case.name}: nobody was let in"]
            continue
        laid, pulse, screen = (
            Measured(f"{case.name}: {span}", len(good) * case.rate_s, latencies_s)
            for span, latencies_s in (
                ("laid → pulse", [p.laid_to_pulse_s for p in good]),
                ("read → pulse", [p.pulse_s for p in good]),
                ("read → screen", [p.screen_s for p in good]),
            )
        )
        rows += [row(measured, best) for measured in (screen, pulse, laid)]
        if case.name.startswith("1 lane"):
            targets += [
                at_most(f"{case.name}, laid to pulse, median ms", 10, laid.percentile_ms(0.5)),
                at_most(f"{case.name}, laid to pulse, p99 ms", 25, laid.percentile_ms(0.99)),
            ]
        else:
            targets.append(
                at_most(
                    f"{case.name}, slowest ms", _SLOWEST_MS, max(p.pulse_s for p in good) * 1000
                )
            )
    if not rush.latencies_s:
        violations = [*violations, "the rush sold nothing: the lanes had it easy"]
    return Report(
        bench="gate",
        machine=machine(),
        rows=[*rows, row(rush, best)],
        violations=violations,
        targets=targets,
    )
