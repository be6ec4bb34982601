"""The rules of gates as they count: those of a gate's group, and its own where that has none."""

import asyncpg

from menpiao.domain.admission import Direction, ExpiredDocument, Gate
from menpiao.domain.ticket import Reentry

_OF_GROUP = "SELECT {column} FROM gate_group_{name} m WHERE m.gategroup_id = g.group_id"
_OF_GATE = "SELECT {column} FROM gate_{name} m WHERE m.gate_id = g.id"


def _set(name: str, column: str) -> str:
    """A set is the group's when it has one."""
    group = _OF_GROUP.format(name=name, column=column)
    gate = _OF_GATE.format(name=name, column=column)
    return f"CASE WHEN EXISTS ({group}) THEN ARRAY({group}) ELSE ARRAY({gate}) END"


_GATES = f"""
SELECT g.id, g.site_id, g.name, g.name_en, g.is_open,
    coalesce(nullif(gg.direction, ''), g.direction) AS direction,
    coalesce(gg.zone_id, g.zone_id, 0) AS zone_id,
    coalesce(gg.people_per_scan, g.people_per_scan) AS people_per_scan,
    coalesce(gg.early_grace_s, g.early_grace_s) AS early_grace_s,
    coalesce(gg.late_grace_s, g.late_grace_s) AS late_grace_s,
    coalesce(gg.passback_s, g.passback_s) AS passback_s,
    coalesce(gg.needs_inside, g.needs_inside) AS needs_inside,
    coalesce(nullif(gg.expired_document, ''), g.expired_document) AS expired_document,
    coalesce(nullif(gg.reentry, ''), g.reentry) AS reentry,
    {_set("leave_first", "zone_id")} AS leave_first,
    {_set("products", "product_id")} AS products
FROM gate g LEFT JOIN gate_group gg ON gg.id = g.group_id
"""


async def read(connection: asyncpg.Connection) -> list[Gate]:
    """Every gate by itself: what is true of its site (open, full, its clock) is not in it yet."""
    return [
        Gate(
            id=r["id"],
            site_id=r["site_id"],
            name=r["name"],
            name_en=r["name_en"],
            direction=Direction(r["direction"]),
            people_per_scan=r["people_per_scan"],
            early_grace_s=r["early_grace_s"],
            late_grace_s=r["late_grace_s"],
            is_open=r["is_open"],
            zone_id=r["zone_id"],
            needs_inside=r["needs_inside"],
            leave_first=frozenset(r["leave_first"]),
            passback_s=r["passback_s"],
            product_ids=frozenset(r["products"]),
            reentry=Reentry(r["reentry"]) if r["reentry"] else None,
            expired_document=ExpiredDocument(r["expired_document"]),
        )
        for r in await connection.fetch(_GATES)
    ]
