"""Who stands at a window, and what its pages are shown of an order."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import segno

from menpiao.centre.doors.passes import make_pass, read_pass
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.catalogue import Site, Snapshot
from menpiao.wire.counter import CounterOrder

ROLES = ("clerk", "supervisor", "manager")
TICKET_LIFE = timedelta(minutes=10)
"""How long a page may sell before it must show again who is signed in."""


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who sells: a person of the house, at their site."""

    site_id: int
    staff_id: int


def make_ticket(key: bytes, clerk: Clerk, now: datetime) -> str:
    """A ticket with which a page may ask this server's doors for ``TICKET_LIFE``."""
    return make_pass(key, (clerk.site_id, clerk.staff_id), now + TICKET_LIFE)


def read_ticket(key: bytes, ticket: str, now: datetime) -> Clerk | None:
    """Who asks; None: not a ticket of ours, or no longer."""
    found = read_pass(key, ticket, now)
    return Clerk(*found[0]) if found else None


def order_of(row: asyncpg.Record, snapshot: Snapshot) -> CounterOrder:
    """An order as the clerk sees it, from a row of ``storage.database.counter``."""
    site, product = snapshot.sites[row["site_id"]], snapshot.products[row["product_id"]]
    waits = row["state"] == "awaiting_payment"
    return CounterOrder(
        order_no=serial_number(row["id"]),
        state=row["state"],
        means=means_of(row["provider"] or "", row["method"] or ""),
        total_fen=row["total_fen"],
        people=row["people"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        product=product.name,
        product_en=product.name_en or product.name,
        visit_date=row["visit_date"],
        span=span_of(site, row["starts_at"], row["ends_at"]),
        holders=list(row["holders"]),
        code_svg=_svg(row["code_url"]) if waits and row["code_url"] else "",
        trouble=row["last_error"] or "",
    )


def means_of(provider: str, method: str) -> str:
    """How an order is paid, in the page's words: cash, free, or the way a code was shown."""
    return method if provider == "wechat" else provider


def _svg(text: str) -> str:
    """A QR code to be put into the page: paths only."""
    return str(segno.make(text, error="m").svg_inline(border=2, omitsize=True, svgclass=None))


def span_of(site: Site, starts_at: datetime, ends_at: datetime) -> str:
    """A slot in the site's own time: ``09:00-12:00``."""
    first, last = starts_at.astimezone(site.zone), ends_at.astimezone(site.zone)
    # The last second of an hour reads as the full hour.
    if last.second == 59:
        last += timedelta(seconds=1)
    end = "24:00" if (last.hour, last.minute) == (0, 0) else f"{last:%H:%M}"
    return f"{first:%H:%M}-{end}"
