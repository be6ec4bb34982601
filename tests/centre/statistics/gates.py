"""People at gates, written as the check server writes them, and a recount of what is there."""

import asyncio
import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from menpiao.storage.database import flow
from menpiao.storage.database.catalogue import Catalogue
from menpiao.storage.database.connect import open_pool

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)  # 12:00 at the site
_numbers = itertools.count(1)


async def ticket(pool, site, province="51", city="成都市", age="25-34", sex="male", people=5):
    number = next(_numbers)
    await pool.execute(
        "INSERT INTO ticket (site_id, id, order_id, product_id, product_class, slot_id, visit_date,"
        " opens_at, closes_at, state, holder_hash, holder_masked, document_type, people, price_fen,"
        " list_fen, province, city, age_band, sex) VALUES ($1, $2, 1, 1, 'entry', 1, $3, $4, $4,"
        " 'valid', $5, '*', 'resident', $6, 1, 1, $7, $8, $9, $10)",
        site,
        number,
        NOON.date(),
        NOON,
        number.to_bytes(8),
        people,
        province,
        city,
        age,
        sex,
    )
    return number


async def scan(
    connection, site, *, ticket=None, people=1, first=None, way="entry", minutes=0, ok=True, gate=1
):
    number = next(_numbers)
    await connection.execute(
        "INSERT INTO admission (site_id, id, device_id, nonce, digest, gate_id, direction, at,"
        " admitted, reason, ticket_id, people, first_entry, answer)"
        " VALUES ($1, $2, 1, $3, '', $4, $5, $6, $7, 'x', $8, $9, $10, '')",
        site,
        number,
        str(number),
        gate,
        way,
        NOON + timedelta(minutes=minutes),
        ok,
        ticket,
        people if ok else 0,
        (people if first is None else first) if ok and way == "entry" else 0,
    )


async def fold(pool, site):
    async with pool.acquire() as connection, connection.transaction():
        return await flow.fold(connection, site, ZONE)


async def fold_to_the_end(pool, site):
    """Until everything committed is folded: the server's own work may hold the horizon a moment."""
    for _ in range(200):
        await fold(pool, site)
        left = await pool.fetchval(
            "SELECT count(*) FROM admission a WHERE site_id = $1 AND xid >= coalesce("
            "(SELECT xid FROM flow_watermark w WHERE w.site_id = $1), '0')",
            site,
        )
        if not left:
            return
        await asyncio.sleep(0.02)
    msg = "the horizon does not move"
    raise AssertionError(msg)


async def recounted(pool, site):
    """What the roll-ups must say, counted from the admissions by other means."""
    rows = await pool.fetch("SELECT * FROM admission WHERE site_id = $1", site)
    known = {r["id"]: r for r in await pool.fetch("SELECT * FROM ticket WHERE site_id = $1", site)}
    flows, people = {}, {}
    for r in rows:
        at = r["at"]
        start = at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)
        kind = 2 if not r["admitted"] else 0 if r["direction"] == "entry" else 1
        cell = flows.setdefault((start, r["gate_id"]), [0, 0, 0])
        cell[kind] += 1 if kind == 2 else r["people"]
        if r["first_entry"]:
            t = known[r["ticket_id"]]
            day = at.astimezone(ZONE).date()
            key = (day, t["province"], t["city"], t["age_band"], t["sex"])
            people[key] = people.get(key, 0) + r["first_entry"]
    return {k: tuple(v) for k, v in flows.items()}, people


async def rolled_up(pool, site):
    flows = await pool.fetch("SELECT * FROM flow_bucket WHERE site_id = $1", site)
    people = await pool.fetch("SELECT * FROM flow_visitor WHERE site_id = $1", site)
    return (
        {(r["bucket"], r["gate_id"]): (r["entries"], r["exits"], r["refused"]) for r in flows},
        {
            (r["visit_date"], r["province"], r["city"], r["age_band"], r["sex"]): r["people"]
            for r in people
        },
    )


@asynccontextmanager
async def pooled(database, size=8):
    pool = await open_pool(database.url, size)
    try:
        yield pool, Catalogue(pool)
    finally:
        await pool.close()
