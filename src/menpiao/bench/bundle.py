"""Bench of the day bundle: when a lane is ready, what that costs, and how fast it decides."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from menpiao.bench.load import Measured
from menpiao.bench.people import numbers
from menpiao.bench.report import Report, at_most, machine, row
from menpiao.compose.bench import Park, bench_store, serving
from menpiao.domain.ticket_code import CODE_KIND
from menpiao.terminals.gate.offline.arbiter import Arbiter
from menpiao.terminals.gate.offline.keeper import Keeper
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.parts.link.errands import HttpErrands
from menpiao.terminals.parts.link.identity import Identity
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.wire.check import Ask, Credential

_VISITORS = 2000
_GOALS = {100_000: (3.0, 6.0), 1_000_000: (30.0, 60.0)}
"""Tickets: seconds until ready, MB on the wire."""
_RESIDENT_MB = 80.0
_READY_WITHIN_S = 300


@dataclass(frozen=True, slots=True)
class _Lane:
    """One lane's morning: seconds until ready, MB fetched, MB of memory more, its decisions."""

    tickets: int
    ready_s: float
    fetched_mb: float
    resident_mb: float
    looked: Measured
    coded: Measured
    booked: Measured


def bench_bundle(seconds: int) -> Report:
    """Fetch bundles of a small and a large day and decide on them; quick runs take tiny days."""
    sizes = [100_000, 1_000_000] if seconds > 2 else [5_000]
    lanes = [_morning(size) for size in sizes]
    rows = [
        row(m, lane.looked.per_s) for lane in lanes for m in (lane.looked, lane.coded, lane.booked)
    ]
    targets = []
    violations = []
    for lane in lanes:
        name = f"{lane.tickets:,} tickets"
        ready_s, fetched_mb = _GOALS.get(lane.tickets, (3.0, 6.0))
        targets += [
            at_most(f"{name}: seconds until ready", ready_s, lane.ready_s),
            at_most(f"{name}: MB on the wire", fetched_mb, lane.fetched_mb),
            at_most(f"{name}: MB of memory more", _RESIDENT_MB, max(0.01, lane.resident_mb)),
            at_most(f"{name}: look-up and decision, p99 ms", 1, lane.looked.percentile_ms(0.99)),
            at_most(f"{name}: the same by a ticket's code", 1, lane.coded.percentile_ms(0.99)),
        ]
        if lane.looked.refused or lane.coded.refused or lane.booked.refused:
            violations.append(f"{name}: good tickets were refused")
    return Report(
        bench="bundle", machine=machine(), rows=rows, violations=violations, targets=targets
    )


def _morning(tickets: int) -> _Lane:
    visitors = list(islice(numbers(), _VISITORS))
    key = Ed25519PrivateKey.generate()
    with bench_store() as store, tempfile.TemporaryDirectory(prefix="menpiao-lane-") as folder:
        park = store.plant_park(key.public_key().public_bytes_raw(), 1)
        store.plant_tickets(park, visitors, tickets - len(visitors))
        store.plant_gate_hashes(park, visitors)
        with serving(store, "check") as port:
            identity = Identity(key, park.device_id)
            address = f"http://127.0.0.1:{port}"
            laid = {
                "resident_card": visitors,
                CODE_KIND: store.ticket_codes(park, len(visitors)),
            }
            return asyncio.run(_lane(address, identity, Path(folder), park, laid))


async def _lane(
    address: str,
    identity: Identity,
    folder: Path,
    park: Park,
    laid: Mapping[str, Sequence[str]],
) -> _Lane:
    local = Local(folder, timedelta(hours=12))
    link = WebSocketLink(address, identity)
    errands = HttpErrands(address, identity, timeout_s=_READY_WITHIN_S)
    keeper = Keeper(local, link, errands, 600)
    before_mb, begins = _resident_mb(), time.perf_counter()
    tasks = [
        asyncio.create_task(link.run(keeper.deliver)),
        asyncio.create_task(keeper.run()),
    ]
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            while local.known is None:
                await asyncio.sleep(0.01)
                await local.look()
        ready_s = time.perf_counter() - begins
        for task in tasks:
            task.cancel()  # what is fetched beside it, tomorrow's bundle, is not to be measured
        await asyncio.gather(*tasks, return_exceptions=True)
        known = local.known
        manifest = await local.run(lambda a: a.store.manifest(known.day))
        cards, codes = (
            [Credential(kind=kind, number=text) for text in laid[kind]]
            for kind in ("resident_card", CODE_KIND)
        )
        looked = await local.run(lambda a: _decisions(a, local, park, cards, dry_run=True))
        coded = await local.run(lambda a: _decisions(a, local, park, codes, dry_run=True))
        booked = await local.run(lambda a: _decisions(a, local, park, cards, dry_run=False))
        size = manifest.size if manifest else 0
        more_mb = _resident_mb() - before_mb
        return _Lane(known.tickets, ready_s, size / 1e6, more_mb, looked, coded, booked)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        local.close()


def _decisions(
    arbiter: Arbiter, local: Local, park: Park, laid: Sequence[Credential], *, dry_run: bool
) -> Measured:
    """One decision after the other; with ``dry_run`` nothing is written to the disk."""
    known = arbiter.known(local.now())
    size = known.tickets if known else 0
    how = "by code, decided" if laid[0].kind == CODE_KIND else "decided"
    out = Measured(f"{size:,} tickets, {how if dry_run else 'and on disk'}")
    begins = time.perf_counter()
    for place, credential in enumerate(laid):
        ask = Ask(
            nonce=f"bench-{dry_run:d}-{place:06d}",
            credential=credential,
            gate_id=park.gate_id,
            people=1,
            dry_run=dry_run,
        )
        at = time.perf_counter()
        answer = arbiter.decide(ask, local.now())
        out.latencies_s.append(time.perf_counter() - at)
        if answer is None or not answer.admitted:
            reason = answer.reason if answer else "none"
            out.refused[reason] = out.refused.get(reason, 0) + 1
    out.elapsed_s = time.perf_counter() - begins
    return out


def _resident_mb() -> float:
    """What this process has in memory, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6
