"""One real PostgreSQL for a test run, a migrated template, and a fresh copy for each test."""

import asyncio
import atexit
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
import psycopg
from tests.support_clock import site_today

from menpiao.settings import Database, Settings

_MIGRATE = """
from menpiao.storage.database.migrate import migrate
migrate()
"""


@cache
def _server_url():
    """URL of the server's ``postgres`` database: an outside one by environment, or embedded."""
    outside = os.environ.get("TEST_DATABASE_URL")
    if outside:
        return outside
    from menpiao.storage.database.embedded import EmbeddedServer

    folder = Path(tempfile.mkdtemp(prefix="menpiao-test-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "postgres")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    return server.url("postgres")


def _database(url, name):
    head, _, query = url.partition("?")
    return head.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")


@cache
def _template():
    """The name of a migrated database that nobody connects to."""
    name = f"menpiao_template_{secrets.token_hex(4)}"
    url = _server_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "MENPIAO_DATABASE_URL": _database(url, name),
            "MENPIAO_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        subprocess.run([sys.executable, "-c", _MIGRATE], env=environment, check=True)
    atexit.register(_drop, name)
    return name


def _drop(name):
    with psycopg.connect(_server_url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class FreshDatabase:
    """A migrated database of a test's own; ``settings`` lead to it."""

    def __init__(self, folder):
        self.name = f"menpiao_test_{secrets.token_hex(6)}"
        with psycopg.connect(_server_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name} TEMPLATE {_template()}")
        self.url = _database(_server_url(), self.name)
        self.settings = Settings(data_dir=Path(folder), database=Database(url=self.url))

    def drop(self):
        _drop(self.name)

    @asynccontextmanager
    async def centre(self):
        """The composed services on this database."""
        from menpiao.compose.centre import open_centre

        async with open_centre(self.settings) as centre:
            yield centre


class Park:
    """A small park: one site, two gates, a product with two slots today, one device."""

    def __init__(self):
        self.site = self.gate = self.exit = self.product = self.device = 1
        self.slots = []
        self.today = site_today()


async def plant_park(pool, **options):
    """Write a park into the set-up tables, all at once, as servers are already looking on."""
    async with pool.acquire() as connection, connection.transaction():
        return await _plant(connection, **options)


async def _plant(
    pool,
    *,
    capacity=100,
    day_capacity=1000,
    people_per_document=1,
    public_key=b"\0" * 32,
    reentry="none",
    day=None,
):
    """Write a park straight into the set-up tables; slots cover the whole of today."""
    park, now = Park(), datetime.now(UTC)
    park.today = day or park.today
    park.site = await pool.fetchval(
        "INSERT INTO site (code, name, name_en, zone, address, phone, day_capacity,"
        " instant_capacity, terms, terms_en, is_open) VALUES ('t', '测试山', 'Test Hill',"
        " 'Asia/Shanghai', '', '', $1, 500, '', '', true) RETURNING id",
        day_capacity,
    )
    gates = [
        await pool.fetchval(
            "INSERT INTO gate (site_id, name, name_en, direction, people_per_scan, early_grace_s,"
            " late_grace_s, is_open) VALUES ($1, $2, $3, $4, 0, 0, 0, true) RETURNING id",
            park.site,
            name,
            name_en,
            direction,
        )
        for name, name_en, direction in (
            ("东门1", "East 1", "entry"),
            ("东门出口", "East exit", "exit"),
        )
    ]
    park.gate, park.exit = gates
    await _plant_product(pool, park, people_per_document, reentry)
    park.device = await pool.fetchval(
        "INSERT INTO device (site_id, name, public_key, enrolled_at) VALUES ($1, 'lane', $2, $3)"
        " RETURNING id",
        park.site,
        public_key,
        now,
    )
    for gate in gates:
        await pool.execute(
            "INSERT INTO device_gates (device_id, gate_id) VALUES ($1, $2)", park.device, gate
        )
    await _plant_slots(pool, park, now, capacity, day_capacity)
    return park


async def _plant_product(pool, park, people_per_document, reentry):
    park.product = await pool.fetchval(
        "INSERT INTO product (site_id, code, name, name_en, kind, product_class, price_fen,"
        " people_per_order, people_per_document, sale_days, sale_ends_s, reentry, document_types,"
        " minor_age, on_sale, position) VALUES ($1, 'adult', '成人票', 'Adult', 'slot', 'entry',"
        " 8000, 50, $2, 30, 0, $3, '[]', 0, true, 0) RETURNING id",
        park.site,
        people_per_document,
        reentry,
    )
    await pool.execute(
        "INSERT INTO price_rule (product_id, code, name, name_en, age_from, document_types,"
        " provinces, price_fen, evidence, evidence_en) VALUES"
        " ($1, 'senior', '老人票', 'Senior', 65, '[]', '[]', 0, '', '')",
        park.product,
    )


async def _plant_slots(pool, park, now, capacity, day_capacity):
    await pool.execute(
        "INSERT INTO day_capacity (site_id, visit_date, capacity) VALUES ($1,$2,$3)",
        park.site,
        park.today,
        day_capacity,
    )
    for slot_id in (1, 2):
        await pool.execute(
            "INSERT INTO slot (site_id, id, product_id, visit_date, starts_at, ends_at, capacity)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            park.site,
            slot_id,
            park.product,
            park.today,
            now - timedelta(hours=slot_id),
            now + timedelta(hours=6),
            capacity,
        )
        park.slots.append(slot_id)


def person(index, born=date(1990, 1, 1)):
    """The number of a synthetic resident: distinct for each index below 500."""
    from menpiao.domain.document import resident_number

    day = born + timedelta(days=index // 500)
    return resident_number("110105", day, 1 + index % 500 * 2 % 999)


def run(coroutine):
    """Run an async test."""
    return asyncio.run(coroutine)


async def connect(url):
    """A plain connection for looking at what was written."""
    return await asyncpg.connect(url)
