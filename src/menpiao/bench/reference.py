"""The reference: the same work as one prepared statement each, by the database's own pgbench."""

import subprocess
from pathlib import Path

from menpiao.bench.load import Measured
from menpiao.compose.bench import BenchStore

# Narrower than the centre's tables, with the same keys and indexes on them.
_TICKET = """
CREATE TABLE reference_ticket (
    site_id bigint NOT NULL, id bigint NOT NULL, order_id bigint NOT NULL,
    visit_date date NOT NULL, closes_at timestamptz NOT NULL, product_class text NOT NULL,
    holder_hash bytea NOT NULL, state text NOT NULL, people smallint NOT NULL,
    used smallint NOT NULL DEFAULT 0, PRIMARY KEY (site_id, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX ON reference_ticket (site_id, holder_hash, visit_date, product_class)
    WHERE state IN ('held', 'valid', 'blocked', 'refunding');
CREATE INDEX ON reference_ticket (site_id, holder_hash, closes_at);
CREATE INDEX ON reference_ticket (site_id, order_id);
CREATE INDEX ON reference_ticket (site_id, closes_at);
"""
CHECK_TABLES = (
    _TICKET
    + """
INSERT INTO reference_ticket (site_id, id, order_id, visit_date, closes_at, product_class,
    holder_hash, state, people)
SELECT 1, n, n, current_date, now() + interval '6 hours', 'entry', decode(md5('r' || n), 'hex'),
    'valid', 500
FROM generate_series(1, {count}) n;
CREATE TABLE reference_scan (
    site_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, device_id bigint NOT NULL,
    nonce text NOT NULL, gate_id bigint NOT NULL, ticket_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (site_id, id), UNIQUE (site_id, device_id, nonce)
);
CREATE INDEX ON reference_scan (site_id, xid);
VACUUM ANALYZE reference_ticket;
CHECKPOINT;
"""
)
CHECK = """
\\set n random(1, {asked})
WITH moved AS (
    UPDATE reference_ticket SET used = used + 1
    WHERE site_id = 1 AND holder_hash = decode(md5('r' || :n), 'hex') AND state = 'valid'
        AND used < people
    RETURNING id
) INSERT INTO reference_scan (site_id, device_id, nonce, gate_id, ticket_id)
SELECT 1, 1, gen_random_uuid()::text, 1, id FROM moved;
"""
SALE_TABLES = (
    _TICKET
    + """
CREATE TABLE reference_slot (
    site_id bigint NOT NULL, id bigint NOT NULL, capacity integer NOT NULL,
    sold integer NOT NULL DEFAULT 0, PRIMARY KEY (site_id, id)
) WITH (fillfactor = 50);
INSERT INTO reference_slot VALUES (1, 1, 1000000000);
CREATE TABLE reference_order (
    site_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, slot_id bigint NOT NULL,
    token text NOT NULL DEFAULT gen_random_uuid()::text, state text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id), UNIQUE (site_id, token)
) WITH (fillfactor = 80);
CREATE INDEX ON reference_order (site_id, expires_at) WHERE state = 'awaiting_payment';
CHECKPOINT;
"""
)
SALE = """
WITH taken AS (
    UPDATE reference_slot SET sold = sold + 1
    WHERE site_id = 1 AND id = 1 AND sold + 1 <= capacity RETURNING id
), made AS (
    INSERT INTO reference_order (site_id, slot_id, state, expires_at)
    SELECT 1, id, 'awaiting_payment', now() + interval '15 minutes' FROM taken RETURNING id
) INSERT INTO reference_ticket (site_id, id, order_id, visit_date, closes_at, product_class,
    holder_hash, state, people)
SELECT 1, id, id, current_date, now() + interval '6 hours', 'entry',
    decode(md5(gen_random_uuid()::text), 'hex'), 'held', 1
FROM made;
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
