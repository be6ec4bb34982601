"""The schema distributes by site: every rule holds, and each bites on a planted violation.

Hot tables are those with a ``site_id`` that the numbered SQL makes (Django's own are set-up).
"""

import ast
import re
from pathlib import Path

import psycopg
import pytest
from tests.support_db import FreshDatabase

import menpiao.storage.database as package

SOURCES = Path(package.__file__).parent
HOT = {
    name
    for file in sorted(SOURCES.glob("sql/*.sql"))
    for name in re.findall(r"CREATE TABLE (\w+)", file.read_text(encoding="utf-8"))
} - {"key_mark"}  # one row a key for the whole installation: a reference table
# Sweeps over all sites, by workers: each row stands for itself, none is locked for another.
ACROSS_SITES = {
    ("key_marks.py", "SELECT id, holder_sealed"): "looks at any one row, once, at the first start",
    ("facts.py", "SELECT channel, state, count"): "figures for monitoring, now and then",
    ("facts.py", "SELECT state, count(*)::int AS rows FROM payment"): "likewise",
    ("messages.py", "SELECT state, count(*) AS rows"): "how the operator's channel is doing",
    ("outbox.py", "UPDATE outbox SET state = 'pending'"): "leases of workers that died",
    ("outbox.py", "UPDATE outbox SET state = 'dead'"): "messages nobody needs any more",
    ("barred.py", "UPDATE barred SET document_sealed"): "numbers nobody needs any more",
}

RULES = {
    "a hot table has no primary key": """
        SELECT c.relname FROM pg_class c WHERE c.relname = ANY(%(hot)s) AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)""",
    "a unique key of a hot table lacks site_id": """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relname = ANY(%(hot)s) AND i.indisunique AND NOT EXISTS (
            SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'site_id'
            AND a.attnum = ANY(i.indkey))""",
    "site_id of a hot table is not a bigint that is always there": """
        SELECT c.relname FROM pg_class c WHERE c.relname = ANY(%(hot)s) AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnotnull
            AND a.attname = 'site_id' AND a.atttypid = 'bigint'::regtype)""",
    "a foreign key of a hot table lacks site_id, or leads from set-up to it": """
        SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_class f ON f.oid = k.confrelid WHERE k.contype = 'f' AND (
            (f.relname = ANY(%(hot)s) AND NOT c.relname = ANY(%(hot)s))
            OR (c.relname = ANY(%(hot)s) AND f.relname = ANY(%(hot)s) AND NOT EXISTS (
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'site_id'
                AND a.attnum = ANY(k.conkey))))""",
    "a trigger": """
        SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relname = ANY(%(hot)s)""",
    "a rule": """
        SELECT rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
        WHERE c.relname = ANY(%(hot)s)""",
    "an exclusion": """
        SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype = 'x' AND c.relnamespace = 'public'::regnamespace""",
    "a deferrable constraint of a hot table": """
        SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.condeferrable AND c.relname = ANY(%(hot)s)""",
    "a sequence that is no bigint": """
        SELECT q.seqrelid::regclass::text FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid
        LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype IN ('a', 'i')
        WHERE q.seqtypid <> 'bigint'::regtype AND c.relnamespace = 'public'::regnamespace
        AND COALESCE(d.refobjid::regclass::text, '') !~ '^(auth_|django_)'""",
    "a partition of a partition": """
        SELECT c.relname FROM pg_class c WHERE c.relispartition AND c.relkind = 'p'""",
    "a default that is volatile, other than the transaction's own number": """
        SELECT c.relname || '.' || a.attname FROM pg_attrdef d
        JOIN pg_class c ON c.oid = d.adrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
        WHERE c.relname = ANY(%(hot)s)
        AND pg_get_expr(d.adbin, d.adrelid) ~ '(random|clock_timestamp|nextval|uuidv7)'""",
}
PLANTS = {
    "a hot table has no primary key": "ALTER TABLE flow_bucket DROP CONSTRAINT flow_bucket_pkey",
    "a unique key of a hot table lacks site_id": (
        "CREATE UNIQUE INDEX bad ON payment (out_trade_no)"
    ),
    "site_id of a hot table is not a bigint that is always there": (
        "ALTER TABLE flow_visitor ALTER site_id TYPE integer"
    ),
    "a foreign key of a hot table lacks site_id, or leads from set-up to it": (
        "ALTER TABLE gate ADD order_id bigint, ADD bad_site bigint,"
        " ADD CONSTRAINT bad FOREIGN KEY (bad_site, order_id) REFERENCES orders (site_id, id)"
    ),
    "a trigger": (
        "CREATE TRIGGER bad BEFORE UPDATE ON ticket FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "a rule": "CREATE RULE bad AS ON DELETE TO ticket DO INSTEAD NOTHING",
    "an exclusion": "ALTER TABLE gate ADD CONSTRAINT bad EXCLUDE (name WITH =)",
    "a deferrable constraint of a hot table": (
        "ALTER TABLE orders ADD CONSTRAINT bad UNIQUE (site_id, token_digest) DEFERRABLE"
    ),
    "a sequence that is no bigint": "CREATE SEQUENCE bad AS integer",
    "a partition of a partition": (
        "CREATE TABLE big (a int, b int) PARTITION BY LIST (a);"
        "CREATE TABLE bad PARTITION OF big FOR VALUES IN (1) PARTITION BY LIST (b)"
    ),
    "a default that is volatile, other than the transaction's own number": (
        "ALTER TABLE outbox ALTER created_at SET DEFAULT clock_timestamp()"
    ),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    fresh = FreshDatabase(tmp_path_factory.mktemp("schema"))
    yield fresh
    fresh.drop()


def faults(connection):
    hot = {"hot": sorted(HOT)}
    return {
        rule: [row[0] for row in found]
        for rule, query in RULES.items()
        if (found := connection.execute(query, hot).fetchall())
    }


def test_the_schema_keeps_every_rule(database):
    with psycopg.connect(database.url) as connection:
        assert faults(connection) == {}
        present = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relname = ANY(%s) AND relkind IN ('r', 'p')",
            [sorted(HOT)],
        ).fetchone()
    assert len(HOT) >= 12
    assert present == (len(HOT),)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_bites(database, rule):
    with psycopg.connect(database.url) as connection:
        connection.execute(PLANTS[rule])
        found = faults(connection)
        connection.rollback()
    assert rule in found


def statements(text):
    """Every SQL text of a module: its line, its words, and the statement it is put together in."""
    tree = ast.parse(text)
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.strip()
            if re.match(r"(SELECT|UPDATE|DELETE|INSERT|WITH)\b", words):
                around = [s for s in whole if s.lineno <= node.lineno <= s.end_lineno]
                closest = min(around, key=lambda s: s.end_lineno - s.lineno)
                yield node.lineno, words, ast.get_source_segment(text, closest)


def astray(text):
    """SQL that touches a hot table and does not name the site."""
    table = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?(\w+)", re.IGNORECASE)
    return [
        (line, words)
        for line, words, around in statements(text)
        if HOT & set(table.findall(words)) and "site_id" not in around
    ]


def test_every_hot_query_names_the_site():
    found, excused, looked_at = {}, set(), 0
    for path in sorted(SOURCES.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        looked_at += sum(1 for _ in statements(text))
        for line, words in astray(text):
            known = [k for k in ACROSS_SITES if k[0] == path.name and words.startswith(k[1])]
            excused.update(known)
            if not known:
                found[f"{path.name}:{line}"] = words
    assert found == {}
    assert excused == set(ACROSS_SITES), "an excuse that nobody needs any more"
    assert looked_at > 30


def test_a_query_that_forgets_the_site_is_found():
    assert astray('_BAD = "SELECT used FROM ticket WHERE id = $1"')
    assert astray('_BAD = f"UPDATE orders SET state = {x} WHERE id = 1"')
    assert not astray('_GOOD = "SELECT used FROM ticket WHERE site_id = $1"')


def test_the_sql_keeps_to_postgresql_15():
    """What only later versions know; the run on PostgreSQL 15 proves the rest."""
    later = re.compile(
        r"\bNULLS\s+NOT\s+DISTINCT\s+ON\b|\buuidv7\b|\bJSON_TABLE\b|WITHOUT OVERLAPS|\bVIRTUAL\b"
        r"|RETURNING\s+(?:WITH|old\.|new\.)|MERGE_ACTION|\bCREATE\s+EXTENSION\b",
        re.IGNORECASE,
    )
    texts = [*SOURCES.glob("sql/*.sql"), *SOURCES.glob("*.py")]
    assert [p.name for p in texts if later.search(p.read_text(encoding="utf-8"))] == []
    assert later.search("SELECT uuidv7()")
