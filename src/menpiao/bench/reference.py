"""The reference: the same work as one prepared statement each, by the database's own pgbench."""

import subprocess
from pathlib import Path

from menpiao.bench.load import Measured
from menpiao.compose.bench import BenchStore

CHECK_TABLES = """
CREATE TABLE reference_ticket (
    id bigint PRIMARY KEY, holder_hash bytea NOT NULL, state text NOT NULL,
    people smallint NOT NULL, used integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
INSERT INTO reference_ticket (id, holder_hash, state, people)
SELECT n, decode(md5('r' || n), 'hex'), 'valid', 500 FROM generate_series(1, {count}) n;
CREATE UNIQUE INDEX ON reference_ticket (holder_hash);
CREATE TABLE reference_scan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticket_id bigint NOT NULL,
    gate_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON reference_scan (ticket_id);
ANALYZE reference_ticket;
"""
CHECK = """
\\set n random(1, {count})
WITH moved AS (
    UPDATE reference_ticket SET used = used + 1
    WHERE holder_hash = decode(md5('r' || :n), 'hex') AND state = 'valid' AND used < people
    RETURNING id
) INSERT INTO reference_scan (ticket_id, gate_id) SELECT id, 1 FROM moved;
"""
SALE_TABLES = """
CREATE TABLE reference_slot (
    id bigint PRIMARY KEY, capacity integer NOT NULL, sold integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO reference_slot VALUES (1, 1000000000);
CREATE TABLE reference_order (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slot_id bigint NOT NULL,
    token uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE reference_sold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL,
    holder_hash bytea NOT NULL, people smallint NOT NULL
);
CREATE UNIQUE INDEX ON reference_sold (holder_hash);
CREATE INDEX ON reference_sold (order_id);
"""
SALE = """
WITH taken AS (
    UPDATE reference_slot SET sold = sold + 1 WHERE id = 1 AND sold + 1 <= capacity RETURNING id
), made AS (
    INSERT INTO reference_order (slot_id) SELECT id FROM taken RETURNING id
) INSERT INTO reference_sold (order_id, holder_hash, people)
SELECT id, decode(md5(gen_random_uuid()::text), 'hex'), 1 FROM made;
"""


def run_reference(
    store: BenchStore, name: str, script: str, clients: int, seconds: int
) -> Measured:
    """Run one script on so many clients; every transaction's latency is in the result.

    Raises:
        subprocess.CalledProcessError: pgbench failed.
    """
    folder = store.folder / f"reference-{name.replace(' ', '-')}"
    folder.mkdir()
    (folder / "script.sql").write_text(script, encoding="utf-8")
    command = store.pgbench()
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
    options += ["-f", "script.sql", "--log"]
    done = subprocess.run(  # noqa: S603 - our own program and arguments
        [command[0], *options, *command[1:]],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    out = Measured(name, elapsed_s=float(seconds))
    for log in folder.glob("pgbench_log.*"):
        out.latencies_s += _latencies(log)
    rate = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
    out.elapsed_s = len(out.latencies_s) / float(rate[0].split()[2])
    return out


def _latencies(log: Path) -> list[float]:
    with log.open(encoding="ascii") as lines:
        return [int(line.split(" ", 3)[2]) / 1e6 for line in lines]
