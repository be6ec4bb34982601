"""The client against the simulated platform over real HTTP."""

import asyncio
import dataclasses
import socket
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from menpiao.centre.commerce.provider import (
    ALREADY_PAID,
    NOT_ENOUGH,
    NOT_FOUND,
    CodeCharge,
    EventKind,
    RefundRequest,
    Standing,
)
from menpiao.centre.commerce.wechat.client import WechatPay, beijing_time


def test_an_order_is_created_paid_and_found(stage):
    async def scenario(s):
        request = s.request()
        made = await s.client.create_qr(request)
        assert made.outcome.standing is Standing.PENDING
        assert made.code_url.startswith("weixin://wxpay/bizpayurl?pr=")
        before = await s.client.query(request.payment_ref)
        assert (before.standing, before.code, before.event) == (Standing.PENDING, "NOTPAY", None)
        await s.steer(f"trades/{request.payment_ref}/pay", {"copies": "none"})
        after = await s.client.query(request.payment_ref)
        assert after.standing is Standing.SUCCEEDED
        assert after.event.kind is EventKind.PAID
        assert after.event.paid_fen == 8000
        assert after.event.payment_ref == request.payment_ref
        assert after.event.occurred_at.tzinfo is UTC
        assert abs(after.event.occurred_at - datetime.now(UTC)) < timedelta(seconds=10)

    stage(scenario)


def test_the_same_order_again_gives_the_same_code_and_another_one_is_refused(stage):
    async def scenario(s):
        request = s.request()
        first = await s.client.create_qr(request)
        again = await s.client.create_qr(request)
        assert again == first
        other = await s.client.create_qr(dataclasses.replace(request, amount_fen=1))
        assert other.outcome.standing is Standing.FAILED
        assert other.outcome.code == "INVALID_REQUEST"
        assert other.code_url == ""

    stage(scenario)


def test_close_makes_unpayable_and_is_repeatable(stage):
    async def scenario(s):
        request = s.request()
        await s.client.create_qr(request)
        assert (await s.client.close(request.payment_ref)).standing is Standing.SUCCEEDED
        assert (await s.client.close(request.payment_ref)).standing is Standing.SUCCEEDED
        reply = await s.raw.post(f"/_sim/trades/{request.payment_ref}/pay", json={})
        assert reply.status_code == 400
        found = await s.client.query(request.payment_ref)
        assert (found.standing, found.event.kind) == (Standing.FAILED, EventKind.CLOSED)

    stage(scenario)


def test_closing_a_paid_order_says_that_it_is_paid(stage):
    async def scenario(s):
        request = await s.paid_order()
        outcome = await s.client.close(request.payment_ref)
        assert (outcome.standing, outcome.code) == (Standing.FAILED, ALREADY_PAID)

    stage(scenario)


def test_a_number_nobody_knows(stage):
    async def scenario(s):
        for outcome in (await s.client.query("UNKNOWN1"), await s.client.close("UNKNOWN1")):
            assert (outcome.standing, outcome.code) == (Standing.FAILED, NOT_FOUND)
            assert outcome.event is None
        outcome = await s.client.query_refund("UNKNOWN1")
        assert (outcome.standing, outcome.code) == (Standing.FAILED, NOT_FOUND)

    stage(scenario)


def test_a_refund_is_accepted_then_done_and_the_same_number_returns_money_once(stage):
    async def scenario(s):
        request = await s.paid_order()
        refund = RefundRequest("R-000001", request.payment_ref, 3000, 8000, "行程变更")
        assert (await s.client.refund(refund)).standing is Standing.PENDING
        await asyncio.sleep(0.1)
        done = await s.client.refund(refund)
        assert done.standing is Standing.SUCCEEDED
        assert (done.event.kind, done.event.refunded_fen) == (EventKind.REFUNDED, 3000)
        assert (await s.client.query_refund("R-000001")) == done
        assert len(await s.steer("refunds", method="GET")) == 1
        trade = await s.client.query(request.payment_ref)
        assert (trade.standing, trade.code) == (Standing.SUCCEEDED, "REFUND")
        assert trade.event.kind is EventKind.PAID

    stage(scenario, time_scale=100.0)


def test_refunds_never_exceed_the_payment_and_keep_their_distance(stage):
    async def scenario(s):
        request = await s.paid_order()
        ref = request.payment_ref
        await s.client.refund(RefundRequest("R-000001", ref, 3000, 8000))
        soon = await s.client.refund(RefundRequest("R-000002", ref, 3000, 8000))
        assert (soon.standing, soon.code) == (Standing.UNKNOWN, "FREQUENCY_LIMITED")
        much = await s.client.refund(RefundRequest("R-000003", ref, 6000, 8000))
        assert (much.standing, much.code) == (Standing.FAILED, "INVALID_REQUEST")

    stage(scenario)


def test_a_refund_without_balance_has_a_code_of_its_own(stage):
    async def scenario(s):
        request = await s.paid_order()
        await s.steer("mode", {"balance_low": True})
        outcome = await s.client.refund(RefundRequest("R-000001", request.payment_ref, 1, 8000))
        assert (outcome.standing, outcome.code) == (Standing.FAILED, NOT_ENOUGH)

    stage(scenario)


@pytest.mark.parametrize(
    ("result", "kind"),
    [("ABNORMAL", EventKind.REFUND_ABNORMAL), ("CLOSED", EventKind.REFUND_CLOSED)],
)
def test_refunds_that_do_not_arrive(stage, result, kind):
    async def scenario(s):
        request = await s.paid_order()
        await s.steer("mode", {"refund_result": result, "refund_s": 0.0})
        await s.client.refund(RefundRequest("R-000001", request.payment_ref, 8000, 8000))
        await asyncio.sleep(0.05)
        outcome = await s.client.query_refund("R-000001")
        assert (outcome.standing, outcome.event.kind) == (Standing.FAILED, kind)
        assert outcome.event.refunded_fen == 0

    stage(scenario)


def charge(code, ref="C-000001"):
    return CodeCharge(ref, 8000, "成人票", code)


async def auth_code(s, behaviour):
    return (await s.steer("auth-codes", {"behaviour": behaviour}))["auth_code"]


def test_a_shown_code_is_charged(stage):
    async def scenario(s):
        code = await auth_code(s, "pay")
        outcome = await s.client.charge_code(charge(code))
        assert outcome.standing is Standing.SUCCEEDED
        assert outcome.event.paid_fen == 8000
        again = await s.client.charge_code(charge(code, "C-000002"))
        assert (again.standing, again.code) == (Standing.FAILED, "AUTH_CODE_INVALID")

    stage(scenario)


@pytest.mark.parametrize("status", [200, 202])
def test_a_code_that_asks_for_a_password_is_pending_whatever_the_status(stage, status):
    async def scenario(s):
        await s.steer("mode", {"userpaying_status": status})
        outcome = await s.client.charge_code(charge(await auth_code(s, "ask")))
        assert (outcome.standing, outcome.code) == (Standing.PENDING, "USERPAYING")
        await s.steer("trades/C-000001/pay")
        assert (await s.client.query("C-000001")).standing is Standing.SUCCEEDED

    stage(scenario)


def test_a_charge_of_unknown_outcome_is_reversed_after_a_while(stage):
    async def scenario(s):
        code = await auth_code(s, "lost")
        assert (await s.client.charge_code(charge(code))).standing is Standing.UNKNOWN
        early = await s.client.reverse("C-000001")
        assert early.standing is Standing.FAILED
        s.sim.platform.book.trades["C-000001"].created_s -= 15
        assert (await s.client.reverse("C-000001")).standing is Standing.SUCCEEDED
        found = await s.client.query("C-000001")
        assert (found.standing, found.event.kind) == (Standing.FAILED, EventKind.CLOSED)
        closing = await s.client.close("C-000001")
        assert closing.standing is Standing.FAILED

    stage(scenario)


def test_a_charge_whose_answer_is_lost_is_sent_once(stage):
    async def scenario(s):
        await s.fault("codepay", "drop_after")
        both = msgspec.structs.replace(s.account, failover_url=s.sim.base_url)
        client = WechatPay(both, s.http)
        outcome = await client.charge_code(charge(await auth_code(s, "pay")))
        assert (outcome.standing, outcome.code) == (Standing.UNKNOWN, "NO_ANSWER")
        assert (await client.query("C-000001")).standing is Standing.SUCCEEDED

    stage(scenario)


def test_a_visitor_without_money_is_a_failure_and_stays_one(stage):
    async def scenario(s):
        outcome = await s.client.charge_code(charge(await auth_code(s, "poor")))
        assert outcome.standing is Standing.FAILED
        found = await s.client.query("C-000001")
        assert (found.standing, found.event.kind) == (Standing.FAILED, EventKind.PAYMENT_FAILED)

    stage(scenario)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("error", "SYSTEM_ERROR"),
        ("error_after", "SYSTEM_ERROR"),
        ("limited", "FREQUENCY_LIMITED"),
        ("drop_before", "NO_ANSWER"),
        ("drop_after", "NO_ANSWER"),
        ("bad_signature", "UNVERIFIED"),
        ("unsigned", "UNVERIFIED"),
        ("stale", "UNVERIFIED"),
        ("unknown_serial", "UNVERIFIED"),
        ("probe", "UNVERIFIED"),
    ],
)
def test_a_bad_answer_is_unknown_and_the_same_order_again_heals(stage, kind, code):
    async def scenario(s):
        request = s.request()
        await s.fault("native", kind)
        bad = await s.client.create_qr(request)
        assert (bad.outcome.standing, bad.outcome.code) == (Standing.UNKNOWN, code)
        assert bad.code_url == ""
        assert (await s.client.create_qr(request)).code_url
        assert len(await s.steer("trades", method="GET")) == 1

    stage(scenario)


@pytest.mark.parametrize("kind", ["unsigned", "bad_signature"])
def test_a_refusal_that_is_not_proved_decides_nothing(stage, kind):
    async def scenario(s):
        request = await s.paid_order()
        await s.fault("close", kind)
        outcome = await s.client.close(request.payment_ref)
        assert (outcome.standing, outcome.code) == (Standing.UNKNOWN, "UNVERIFIED")

    stage(scenario)


def test_a_platform_that_is_too_slow_is_unknown(stage):
    async def scenario(s):
        await s.fault("query", "delay", seconds=1.0)
        s.http.timeout = 0.2
        outcome = await s.client.query("P000000000001")
        assert (outcome.standing, outcome.text) == (Standing.UNKNOWN, "ReadTimeout")

    stage(scenario)


def test_a_dead_host_is_passed_over_and_the_living_one_preferred(stage):
    async def scenario(s):
        with socket.socket() as taken:  # bound, not listening: refuses connections
            taken.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
            account = msgspec.structs.replace(s.account, base_url=dead, failover_url=s.sim.base_url)
            client = WechatPay(account, s.http)
            request = s.request()
            assert (await client.create_qr(request)).code_url
            outcome = await client.charge_code(charge(await auth_code(s, "pay")))
            assert outcome.standing is Standing.SUCCEEDED
            alone = msgspec.structs.replace(s.account, base_url=dead)
            outcome = await WechatPay(alone, s.http).query(request.payment_ref)
            assert (outcome.standing, outcome.code) == (Standing.UNKNOWN, "UNREACHABLE")

    stage(scenario)


def test_the_platform_refuses_a_wrong_key_and_a_wrong_clock(stage):
    async def scenario(s):
        stranger = msgspec.structs.replace(s.account, merchant_serial="00" * 20)
        made = await WechatPay(stranger, s.http).create_qr(s.request())
        assert (made.outcome.standing, made.outcome.code) == (Standing.FAILED, "SIGN_ERROR")
        late = WechatPay(s.account, s.http, lambda: datetime.now(UTC) - timedelta(minutes=6))
        made = await late.create_qr(s.request())
        assert made.outcome.standing is Standing.UNKNOWN  # its answer is stale by the same clock
        assert (await s.steer("trades", method="GET")) == []

    stage(scenario)


def test_both_kinds_of_key_prove_answers(stage):
    async def scenario(s):
        old = msgspec.structs.replace(s.account, platform_public_key_file="", platform_key_id="")
        assert (await WechatPay(old, s.http).create_qr(s.request())).code_url
        new = msgspec.structs.replace(s.account, platform_certificate_file="")
        assert (await WechatPay(new, s.http).create_qr(s.request())).code_url

    stage(scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"notify_url": "http://127.0.0.1/notify?x=1"},
        {"notify_url": ""},
        {"apiv3_key": "short"},
        {"mchid": ""},
        {"merchant_key_file": "/nowhere"},
        {"platform_public_key_file": "", "platform_certificate_file": ""},
        {"base_url": ""},  # the real platform wants https
    ],
)
def test_an_account_that_cannot_work_is_refused_at_start(stage, change):
    async def scenario(s):
        with pytest.raises(ValueError):
            WechatPay(msgspec.structs.replace(s.account, **change), s.http)

    stage(scenario)


def test_times_are_beijing_times_whatever_the_zone():
    moment = datetime(2026, 4, 30, 20, 4, 5, 999, tzinfo=UTC)
    assert beijing_time(moment) == "2026-05-01T04:04:05+08:00"
