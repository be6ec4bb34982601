"""From a decided sale to the rows that record it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from menpiao.centre.selling.service.purchase import Purchase
from menpiao.domain.booking import Sale
from menpiao.domain.capacity import Slot
from menpiao.domain.masking import mask_name
from menpiao.domain.product import Product
from menpiao.storage.crypto import Vault
from menpiao.storage.database.sales import OrderRow, OutboxRow, PaymentRow, TicketRow, ZoneRow


class Drafted(NamedTuple):
    """The rows of one sale."""

    order: OrderRow
    tickets: tuple[TicketRow, ...]
    payment: PaymentRow
    outbox: OutboxRow | None
    zones: tuple[ZoneRow, ...] = ()


def draft_rows(  # noqa: PLR0913 - it joins what the sale, the clock and the vault each know
    *,
    purchase: Purchase,
    sale: Sale,
    slot: Slot,
    holders: Sequence[bytes],
    digest: bytes,
    product: Product,
    ids: Sequence[int],
    vault: Vault,
    now: datetime,
    expires_at: datetime,
) -> Drafted:
    """Rows of order, tickets, payment and the message or payment job that leaves the house."""
    order_id, payment_id, outbox_id, *ticket_ids = ids
    paid = purchase.provider == "cash" or sale.total_fen == 0
    request = purchase.request
    phone = request.phone
    order = OrderRow(
        id=order_id,
        token=purchase.token,
        token_digest=digest,
        channel=purchase.channel,
        state="paid" if paid else "awaiting_payment",
        product_id=request.product_id,
        slot_id=slot.id,
        visit_date=slot.visit_date,
        people=sum(d.people for d in sale.drafts),
        total_fen=sale.total_fen,
        phone_hash=vault.phone_hash(phone) if phone else None,
        phone_sealed=vault.seal(phone, f"orders.phone:{order_id}") if phone else None,
        language=purchase.language,
        staff_id=purchase.staff_id,
        created_at=now,
        expires_at=None if paid else expires_at,
        paid_at=now if paid else None,
    )
    payment = PaymentRow(
        id=payment_id,
        order_id=order_id,
        provider=purchase.provider if sale.total_fen else "free",
        state="paid" if paid else "created",
        amount_fen=sale.total_fen,
        out_trade_no=f"MP{purchase.site_id}P{payment_id}",
        expires_at=order.expires_at,
        created_at=now,
        settled_at=order.paid_at,
        method="code" if purchase.auth_code else "qr",
    )
    tickets = _tickets(purchase, sale, slot, holders, product, order, ticket_ids, vault)
    outbox = None
    if not paid:
        outbox = payment_job(outbox_id, payment, now, purchase.auth_code)
    elif phone:
        outbox = confirmation(outbox_id, order, phone, vault, now)
    zones = tuple(
        ZoneRow(ticket.id, zone_id, entries * ticket.people)
        for zone_id, entries in product.zones
        for ticket in tickets
    )
    return Drafted(order, tickets, payment, outbox, zones)


def payment_job(
    outbox_id: int, payment: PaymentRow, now: datetime, auth_code: str = ""
) -> OutboxRow:
    """Ask the platform for a payment: done by the commerce server after this commit.

    A visitor's payment code lives a minute; whoever charges it takes it out of the row first.
    """
    kind = "charge" if auth_code else "create"
    return OutboxRow(
        id=outbox_id,
        channel="payment",
        kind=kind,
        key=f"payment.{kind}:{payment.id}",
        ref_id=payment.id,
        payload=msgspec.json.encode({"auth_code": auth_code}).decode() if auth_code else "{}",
        recipient_sealed=None,
        due_at=now,
        expires_at=payment.expires_at,
        created_at=now,
    )


def confirmation(
    outbox_id: int, order: OrderRow, phone: str, vault: Vault, now: datetime
) -> OutboxRow:
    """Tell the visitor that the order is paid; the text is made when it is sent."""
    return OutboxRow(
        id=outbox_id,
        channel="sms",
        kind="order.confirmation",
        key=f"order.confirmation:{order.id}",
        ref_id=order.id,
        payload="{}",
        recipient_sealed=vault.seal(phone, f"outbox.recipient:{outbox_id}"),
        due_at=now,
        expires_at=None,
        created_at=now,
    )


def _tickets(
    purchase: Purchase,
    sale: Sale,
    slot: Slot,
    holders: Sequence[bytes],
    product: Product,
    order: OrderRow,
    ticket_ids: Sequence[int],
    vault: Vault,
) -> tuple[TicketRow, ...]:
    rows = []
    is_pass = product.kind == "pass"
    closes_at = slot.ends_at + timedelta(days=product.valid_days - 1 if is_pass else 0)
    for draft, ticket_id in zip(sale.drafts, ticket_ids, strict=True):
        visitor = purchase.request.visitors[draft.visitor_index]
        holder = msgspec.json.encode({"number": visitor.document.number, "name": visitor.name})
        rows.append(
            TicketRow(
                id=ticket_id,
                order_id=order.id,
                product_id=order.product_id,
                product_class=product.product_class,
                slot_id=slot.id,
                visit_date=slot.visit_date,
                opens_at=slot.starts_at,
                closes_at=closes_at,
                state="valid" if order.state == "paid" else "held",
                holder_hash=holders[draft.visitor_index],
                holder_sealed=vault.seal(holder.decode(), f"ticket.holder:{ticket_id}"),
                holder_masked=mask_name(visitor.name),
                document_type=visitor.document.type.value,
                people=draft.people,
                price_fen=draft.price_fen,
                list_fen=draft.list_price_fen,
                concession=draft.concession,
                reason_zh=draft.reason_zh,
                reason_en=draft.reason_en,
                province=draft.province,
                city=draft.city,
                age_band=draft.age_band,
                sex=draft.sex,
                gate_hash=vault.day_hash(purchase.site_id, slot.visit_date, visitor.document),
                daily=is_pass,
                visits_left=product.visits * draft.people if is_pass and product.visits else None,
                evidence=draft.evidence,
                evidence_en=draft.evidence_en,
            )
        )
    return tuple(rows)
