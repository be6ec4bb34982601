"""What the staff panel's page is told, in words: answers, scans, tickets, and what went wrong."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from menpiao.domain.reasons import WORDINGS, Reason, Wording
from menpiao.terminals.gate.staff import messages as page
from menpiao.terminals.gate.staff.desk import SeenOrder, SeenScan
from menpiao.terminals.parts.link.base import LinkFailure
from menpiao.wire.check import Answer, Found

_CODES: Final = {reason.value: reason for reason in Reason}
_OWN: Final = {
    "offline": ("离线：此项须联网办理", "Offline: this needs the centre"),
    "offline_pin": ("离线：无法核对密码", "Offline: PINs cannot be verified"),
    "no_answer": ("没有答复，请再按一次", "No answer: press again"),
    "forgotten": ("请重新刷证", "Lay the card again"),
    "nothing_to_see": ("此人无须查验证件", "No certificate is asked for"),
    "say_why": ("请选择并注明原因", "Choose a reason, and say what"),
    "locked": ("已锁定，请重新登录", "Locked: sign in again"),
    "supervisor": ("须值班主管办理", "A supervisor has to do this"),
    "guesses": ("尝试过多，请五分钟后再试", "Too many tries: wait five minutes"),
    Reason.NOT_PERMITTED.value: (
        "工号或密码有误，或无此权限",
        "Wrong badge or PIN, or no right to",
    ),
    Reason.RATE_LIMITED.value: (
        "密码错误过多，请一分钟后再试",
        "Too many wrong PINs: wait a minute",
    ),
}


def words_of(code: str) -> Wording:
    """What a reason's code says; of one that is not known here: that something is wrong."""
    return WORDINGS[_CODES.get(code, Reason.FAULT)]


def texts(question: str, code: str, field: page.Field = "") -> page.Reply:
    """A refusal in words."""
    own = _OWN.get(str(code))
    if own is None:
        words = words_of(str(code))
        own = words.zh, words.en
    return page.Reply(id=question, ok=False, code=str(code), zh=own[0], en=own[1], field=field)


def wrong_pin(left: int) -> page.Reply:
    """A wrong badge or PIN, and how many more may be tried before there is a pause."""
    zh, en = f"还可试{left}次", f"{left} {'try' if left == 1 else 'tries'} left"
    if not left:
        zh, en = "请一分钟后再试", "wait a minute"
    reply = texts("", Reason.NOT_PERMITTED, field="pin")
    return msgspec.structs.replace(
        reply, zh=f"工号或密码有误，{zh}", en=f"Wrong badge or PIN: {en}"
    )


def shown(outcome: Answer | LinkFailure, utc_offset_s: int) -> page.Shown:
    """A decision, or that there was none."""
    if isinstance(outcome, LinkFailure):
        words = WORDINGS[outcome.reason]
        return page.Shown(
            admitted=False,
            reason=outcome.trouble.value,
            zh=words.zh,
            en=words.en,
            zh_next=words.zh_next,
            en_next=words.en_next,
        )
    return page.Shown(
        admitted=outcome.admitted,
        reason=outcome.reason,
        zh=outcome.zh,
        en=outcome.en,
        zh_next=outcome.zh_next,
        en_next=outcome.en_next,
        people=outcome.people,
        count=outcome.count,
        remaining=outcome.remaining,
        ticket_no=outcome.ticket_no,
        holder=outcome.holder,
        product=outcome.product,
        product_en=outcome.product_en,
        since=clock(outcome.since, utc_offset_s) if outcome.since else "",
        since_place=outcome.since_place,
        missing=outcome.missing,
        evidence=outcome.evidence,
        evidence_en=outcome.evidence_en,
        difference_fen=outcome.difference_fen,
        notice_zh=outcome.notice_zh,
        notice_en=outcome.notice_en,
        source=outcome.source,
    )


def scan_of(scan: SeenScan, at: datetime, utc_offset_s: int, *, can_undo: bool) -> page.Scan:
    """A scan as the page lists it."""
    ask = scan.ask
    return page.Scan(
        nonce=scan.nonce,
        at=clock(at, utc_offset_s),
        kind=ask.credential.kind if ask else "",
        shown=shown(scan.outcome, utc_offset_s),
        dry_run=scan.dry_run,
        undone=scan.undone,
        can_ask=ask is not None and isinstance(scan.outcome, Answer),
        can_undo=can_undo,
    )


def order_of(order: SeenOrder, at: datetime, utc_offset_s: int, *, newer: int) -> page.Order:
    """An order of the centre as the page lists it."""
    command = order.command
    return page.Order(
        at=clock(at, utc_offset_s),
        newer=newer,
        action=command.action,
        text=command.text,
        by=command.by,
        done=order.done,
    )


def ticket(found: Found, utc_offset_s: int) -> page.Ticket:
    """A ticket that was looked up."""
    opens, closes = clock(found.opens_at, utc_offset_s), clock(found.closes_at, utc_offset_s)
    return page.Ticket(
        ticket_no=found.ticket_no,
        order_no=found.order_no,
        holder=found.holder,
        product=found.product,
        product_en=found.product_en,
        people=found.people,
        remaining=found.remaining,
        status=found.status,
        window=f"{opens}–{closes}",
    )


def clock(at: datetime, utc_offset_s: int) -> str:
    """Time of day at the site."""
    return at.astimezone(timezone(timedelta(seconds=utc_offset_s))).strftime("%H:%M")
