"""Notifications: what the platform sends is understood, everything else is refused."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from menpiao.centre.commerce.provider import (
    EventKind,
    Notice,
    RefundRequest,
    Rejection,
    RejectionCode,
)
from menpiao.centre.commerce.wechat.client import WechatPay


def now():
    return datetime.now(UTC)


async def one_payment(s, **changes):
    request = s.request(**changes)
    await s.client.create_qr(request)
    await s.steer(f"trades/{request.payment_ref}/pay")
    headers, body = (await s.notifications(1))[0]
    return request, headers, body


def test_a_payment_is_told(stage):
    async def scenario(s):
        request, headers, body = await one_payment(s, description="带{花括号}和&的票")
        notice = s.client.parse_notification(headers, body, now())
        assert isinstance(notice, Notice)
        assert notice.event.kind is EventKind.PAID
        assert notice.event.payment_ref == request.payment_ref
        assert notice.event.paid_fen == 8000
        assert notice.event.provider_event_id == notice.notice_id
        queried = await s.client.query(request.payment_ref)
        assert queried.event.provider_ref == notice.event.provider_ref
        assert queried.event.occurred_at == notice.event.occurred_at

    stage(scenario)


def test_a_refund_is_told(stage):
    async def scenario(s):
        request = await s.paid_order()
        await s.client.refund(RefundRequest("R-000001", request.payment_ref, 500, 8000))
        headers, body = (await s.notifications(1))[0]
        event = s.client.parse_notification(headers, body, now()).event
        assert (event.kind, event.refunded_fen) == (EventKind.REFUNDED, 500)
        assert (event.refund_ref, event.payment_ref) == ("R-000001", request.payment_ref)

    stage(scenario, time_scale=100.0)


def test_repeats_follow_the_schedule_until_accepted_and_carry_one_id(stage):
    async def scenario(s):
        s.status = 500
        request = s.request()
        await s.client.create_qr(request)
        await s.steer(f"trades/{request.payment_ref}/pay")
        await s.notifications(3)
        s.status = 204
        await s.notifications(4)
        await asyncio.sleep(0.3)
        assert len(s.received) == 4
        told = [s.client.parse_notification(h, b, now()) for h, b in s.received]
        assert len({notice.notice_id for notice in told}) == 1
        assert len({h["wechatpay-nonce"] for h, _ in s.received}) == 4
        assert (await s.steer("notices", method="GET"))[0]["answers"] == [500, 500, 500, 204]

    stage(scenario, time_scale=1000.0)


def test_keys_are_chosen_by_serial_while_the_platform_moves_over(stage):
    async def scenario(s):
        await one_payment(s)
        await s.steer("mode", {"sign_with": "certificate"})
        await one_payment(s)
        (first, one), (second, two) = await s.notifications(2)
        assert first["wechatpay-serial"] != second["wechatpay-serial"]
        assert isinstance(s.client.parse_notification(first, one, now()), Notice)
        assert isinstance(s.client.parse_notification(second, two, now()), Notice)
        new = WechatPay(msgspec.structs.replace(s.account, platform_certificate_file=""), s.http)
        refused = new.parse_notification(second, two, now())
        assert refused.code is RejectionCode.UNKNOWN_KEY

    stage(scenario)


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ({"flaw": "stale"}, RejectionCode.STALE),
        ({"flaw": "unknown_serial"}, RejectionCode.UNKNOWN_KEY),
        ({"flaw": "bad_signature"}, RejectionCode.BAD_SIGNATURE),
        ({"flaw": "unsigned"}, RejectionCode.UNSIGNED),
        ({"flaw": "probe"}, RejectionCode.PROBE),
        ({"tampered": True}, RejectionCode.BAD_SIGNATURE),
    ],
)
def test_what_is_not_proved_is_refused(stage, spoilt, code):
    async def scenario(s):
        await one_payment(s)
        notices = await s.steer("notices", method="GET")
        await s.steer(f"notices/{notices[0]['id']}/send", spoilt)
        headers, body = (await s.notifications(2))[1]
        refused = s.client.parse_notification(headers, body, now())
        assert isinstance(refused, Rejection)
        assert refused.code is code

    stage(scenario)


def test_an_hour_old_copy_is_stale_and_so_is_one_from_the_future(stage):
    async def scenario(s):
        _, headers, body = await one_payment(s)
        for away in (timedelta(minutes=5, seconds=2), timedelta(minutes=-5, seconds=-2)):
            refused = s.client.parse_notification(headers, body, now() + away)
            assert refused.code is RejectionCode.STALE
        near = s.client.parse_notification(headers, body, now() + timedelta(minutes=4))
        assert isinstance(near, Notice)

    stage(scenario)


def test_each_signed_part_is_protected(stage):
    async def scenario(s):
        _, headers, body = await one_payment(s)
        stamp = str(int(headers["wechatpay-timestamp"]) + 1)
        for change in ({"wechatpay-timestamp": stamp}, {"wechatpay-nonce": "x"}):
            refused = s.client.parse_notification(headers | change, body, now())
            assert refused.code is RejectionCode.BAD_SIGNATURE
        for name in ("timestamp", "nonce", "signature", "serial"):
            less = {k: v for k, v in headers.items() if k != f"wechatpay-{name}"}
            refused = s.client.parse_notification(less, body, now())
            assert refused.code is RejectionCode.UNSIGNED
        refused = s.client.parse_notification(headers, body + b" ", now())
        assert refused.code is RejectionCode.BAD_SIGNATURE

    stage(scenario)


def test_another_merchants_notification_is_foreign(stage):
    async def scenario(s):
        _, headers, body = await one_payment(s)
        for change in ({"mchid": "1900000009"}, {"appid": "wxother"}):
            other = WechatPay(msgspec.structs.replace(s.account, **change), s.http)
            refused = other.parse_notification(headers, body, now())
            assert refused.code is RejectionCode.FOREIGN

    stage(scenario)


def test_a_wrong_apiv3_key_opens_nothing(stage):
    async def scenario(s):
        _, headers, body = await one_payment(s)
        other = WechatPay(msgspec.structs.replace(s.account, apiv3_key="x" * 32), s.http)
        refused = other.parse_notification(headers, body, now())
        assert refused.code is RejectionCode.UNDECIPHERABLE

    stage(scenario)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'{"id":1}', b"null"])
def test_signed_nonsense_is_malformed(stage, body):
    async def scenario(s):
        from menpiao.simulation.payment.seal import signed_headers

        keys = s.sim.platform.keys
        headers = signed_headers(keys, keys.account.platform_key_id, body, now().timestamp())
        refused = s.client.parse_notification(headers, body, now())
        assert refused.code is RejectionCode.MALFORMED

    stage(scenario)


@pytest.mark.parametrize("stamp", ["", "abc", "１２３", "9" * 400, "-1", "1.5"])
def test_a_timestamp_that_is_none(stage, stamp):
    async def scenario(s):
        _, headers, body = await one_payment(s)
        refused = s.client.parse_notification(headers | {"wechatpay-timestamp": stamp}, body, now())
        assert isinstance(refused, Rejection)

    stage(scenario)
