"""SQL of conflicts: the two scans that do not go together, and the word of who looked into it."""

from datetime import datetime

import asyncpg

# Whether barriers let anybody through for a scan is the first thing to know about it.
_SCANS = """
SELECT a.id, a.at, a.device_at, g.name AS gate, g.name_en AS gate_en, d.name AS device, a.people,
    f.detail AS offline, o.detail AS forced, u.at AS undone_at,
    (SELECT sum(p.count) FROM passage p
     WHERE p.site_id = a.site_id AND p.gate_id = a.gate_id AND p.nonce = a.nonce
        AND p.kind = 'passed' AND p.at BETWEEN a.at - interval '10 minutes'
            AND a.at + interval '10 minutes')::int AS passed
FROM admission a
LEFT JOIN gate g ON g.id = a.gate_id
LEFT JOIN device d ON d.id = a.device_id
LEFT JOIN admission_note f
    ON f.site_id = a.site_id AND f.admission_id = a.id AND f.kind = 'offline'
LEFT JOIN admission_note o
    ON o.site_id = a.site_id AND o.admission_id = a.id AND o.kind = 'forced'
LEFT JOIN admission_note u
    ON u.site_id = a.site_id AND u.refers_to = a.id AND u.kind = 'undoes'
WHERE a.site_id = $1 AND a.id = ANY($2::bigint[])
ORDER BY a.at, a.id
"""
_RESOLVE = """
UPDATE conflict SET state = 'resolved', resolved_at = $3, resolved_by = $4, resolution = $5
WHERE site_id = $1 AND id = $2 AND state = 'open'
"""


async def scans(pool: asyncpg.Pool, site_id: int, admission_ids: list[int]) -> list[asyncpg.Record]:
    """Scans with where and how they were decided, the earliest first."""
    return list(await pool.fetch(_SCANS, site_id, admission_ids))


async def resolve(
    pool: asyncpg.Pool, site_id: int, conflict_id: int, by: str, note: str, now: datetime
) -> bool:
    """Write down what was found; False: it has been resolved before."""
    done: str = await pool.execute(_RESOLVE, site_id, conflict_id, now, by, note)
    return done.endswith(" 1")
