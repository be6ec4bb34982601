"""An independent implementation of WeChat Pay APIv3 agrees with our platform and our client.

Without it the simulated platform and our client could share one mistake.
"""

import asyncio
import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, build_authorization, rsa_sign, rsa_verify

from menpiao.centre.commerce.provider import Notice, RejectionCode
from menpiao.centre.commerce.wechat.client import WechatPay
from menpiao.centre.commerce.wechat.resource import Resource, unseal
from menpiao.centre.commerce.wechat.sign import MerchantKey, PlatformKeys
from menpiao.simulation.payment import make_merchant, running
from menpiao.simulation.payment.keys import load_platform
from menpiao.simulation.payment.seal import fault_of_request, seal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peer")


@pytest.fixture
def mailbox():
    """An address that keeps the notifications it gets."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received, f"http://127.0.0.1:{server.server_port}/notify"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def platform(folder):
    """The base address of a platform that runs in a thread, because the peer blocks."""
    ready, found = threading.Event(), {}

    def work():
        async def main():
            async with running(folder, time_scale=20.0) as sim:
                found["stop"] = asyncio.Event()
                found["loop"] = asyncio.get_running_loop()
                found["url"] = sim.base_url
                ready.set()
                await found["stop"].wait()

        asyncio.run(main())

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(20)
    yield found["url"]
    found["loop"].call_soon_threadsafe(found["stop"].set)
    thread.join(20)


@pytest.fixture
def account(folder, platform, mailbox):
    return make_merchant(folder, base_url=platform, notify_url=mailbox[1])


@pytest.fixture
def peer(account):
    made = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=account.mchid,
        private_key=Path(account.merchant_key_file).read_text(),
        cert_serial_no=account.merchant_serial,
        appid=account.appid,
        apiv3_key=account.apiv3_key,
        notify_url=account.notify_url,
        public_key=Path(account.platform_public_key_file).read_text(),
        public_key_id=account.platform_key_id,
        timeout=(5, 5),
    )
    made._core._gate_way = account.base_url  # its host is a constant
    return made


def steer(account, path, body=None):
    reply = httpx.post(f"{account.base_url}/_sim/{path}", json=body or {}, trust_env=False)
    assert reply.status_code < 300
    return reply.json() if reply.content else None


def told(received, count=1):
    for _ in range(500):
        if len(received) >= count:
            return received[count - 1]
        threading.Event().wait(0.01)
    raise AssertionError("no notification came")


def test_the_peer_creates_pays_queries_and_refunds(peer, account, mailbox):
    code, text = peer.pay("成人票", "PEER000001", {"total": 100, "currency": "CNY"})
    assert code == 200
    assert json.loads(text)["code_url"].startswith("weixin://")
    steer(account, "trades/PEER000001/pay")
    headers, body = told(mailbox[0])
    assert peer.callback(headers, body)["resource"]["trade_state"] == "SUCCESS"
    code, text = peer.query(out_trade_no="PEER000001")
    found = json.loads(text)
    assert (code, found["trade_state"], found["amount"]["total"]) == (200, "SUCCESS", 100)
    code, text = peer.query(transaction_id=found["transaction_id"])
    assert (code, json.loads(text)["out_trade_no"]) == (200, "PEER000001")
    code, text = peer.close("PEER000001")
    assert (code, json.loads(text)["code"]) == (400, "ORDERPAID")
    amount = {"refund": 40, "total": 100, "currency": "CNY"}
    code, text = peer.refund("PEER-R-1", amount, out_trade_no="PEER000001")
    assert (code, json.loads(text)["status"]) == (200, "PROCESSING")
    headers, body = told(mailbox[0], 2)
    refund = peer.callback(headers, body)
    assert refund["event_type"] == "REFUND.SUCCESS"
    assert refund["resource"]["amount"]["refund"] == 40
    code, text = peer.query_refund("PEER-R-1")
    assert (code, json.loads(text)["status"]) == (200, "SUCCESS")


def test_the_peer_closes_and_charges_codes(peer, account):
    peer.pay("成人票", "PEER000002", {"total": 100, "currency": "CNY"})
    assert peer.close("PEER000002")[0] == 204
    shown = steer(account, "auth-codes", {"behaviour": "ask"})["auth_code"]
    code, text = peer.pay(
        "成人票",
        "PEER000003",
        {"total": 100, "currency": "CNY"},
        payer={"auth_code": shown},
        scene_info={"store_info": {"out_id": "A1"}},
        pay_type=WeChatPayType.CODEPAY,
    )
    assert (code, json.loads(text)["trade_state"]) == (202, "USERPAYING")


def test_the_platform_refuses_the_peer_with_another_key(peer, account):
    peer._core._cert_serial_no = "00" * 20
    code, text = peer.query(out_trade_no="PEER000001")
    assert (code, json.loads(text)["code"]) == (401, "SIGN_ERROR")


def test_ours_and_the_peer_read_the_same_notification(peer, account, mailbox):
    peer.pay("成人票", "PEER000004", {"total": 100, "currency": "CNY"})
    steer(account, "trades/PEER000004/pay")
    headers, body = told(mailbox[0])
    ours = WechatPay(account, httpx.AsyncClient(trust_env=False))
    notice = ours.parse_notification(headers, body, datetime.now(UTC))
    theirs = peer.callback(headers, body)
    assert isinstance(notice, Notice)
    assert notice.notice_id == theirs["id"]
    assert notice.event.payment_ref == theirs["resource"]["out_trade_no"]
    assert notice.event.provider_ref == theirs["resource"]["transaction_id"]
    assert notice.event.paid_fen == theirs["resource"]["amount"]["total"]
    # Where the peer is known to be too trusting, ours is not.
    month_later = datetime.now(UTC) + timedelta(days=30)
    assert ours.parse_notification(headers, body, month_later).code is RejectionCode.STALE


def test_a_notification_made_with_the_peers_primitives_is_read_by_ours(folder, account):
    keys = load_platform(folder)
    serial = account.platform_key_id
    body = json.dumps(
        {
            "id": "EV-1",
            "event_type": "TRANSACTION.SUCCESS",
            "resource": seal(
                keys,
                "transaction",
                json.dumps(
                    {
                        "mchid": account.mchid,
                        "appid": account.appid,
                        "out_trade_no": "PEER000005",
                        "transaction_id": "42000001",
                        "trade_state": "SUCCESS",
                        "success_time": "2026-05-01T10:34:56+08:00",
                        "amount": {"total": 100, "currency": "CNY"},
                    }
                ).encode(),
            ),
        },
        ensure_ascii=False,
    )
    stamp = str(int(datetime.now(UTC).timestamp()))
    headers = {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Signature": rsa_sign(keys.platform[serial], f"{stamp}\nn\n{body}\n"),
    }
    ours = WechatPay(account, httpx.AsyncClient(trust_env=False))
    notice = ours.parse_notification(headers, body.encode(), datetime.now(UTC))
    assert notice.event.occurred_at == datetime(2026, 5, 1, 2, 34, 56, tzinfo=UTC)


def test_signatures_agree_in_both_directions(folder, account):
    keys = load_platform(folder)
    ours = MerchantKey.read(account.mchid, account.merchant_serial, Path(account.merchant_key_file))
    body = '{"描述":"票"}'
    path = "/v3/pay/transactions/out-trade-no/A%7CB?mchid=1"
    now_s = int(datetime.now(UTC).timestamp())
    theirs = build_authorization(
        path, "POST", account.mchid, account.merchant_serial, ours.key, body, "n"
    )
    assert fault_of_request(keys, theirs, "POST", path, body.encode(), now_s) == ""
    header = ours.authorization("POST", path, body.encode(), now_s, "n")
    assert fault_of_request(keys, header, "POST", path, body.encode(), now_s) == ""
    signature = header.split('signature="')[1].rstrip('"')
    assert base64.b64decode(signature, validate=True)
    text = f"POST\n{path}\n{now_s}\nn\n{body}\n"
    assert signature == rsa_sign(ours.key, text)
    serial = account.platform_key_id
    signed = rsa_sign(keys.platform[serial], f"{now_s}\nn\n{body}\n")
    assert rsa_verify(str(now_s), "n", body, signed, keys.platform[serial].public_key())
    proof = {
        "Wechatpay-Timestamp": str(now_s),
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": signed,
    }
    platform = PlatformKeys.read(serial, Path(account.platform_public_key_file), [])
    assert platform.verify(proof, body.encode(), datetime.now(UTC)) is None


def test_sealed_resources_open_alike(folder, account):
    sealed = seal(load_platform(folder), "transaction", "票".encode())
    theirs = aes_decrypt(
        sealed["nonce"], sealed["ciphertext"], sealed["associated_data"], account.apiv3_key
    )
    resource = Resource(**sealed)
    assert unseal(resource, account.apiv3_key.encode()).decode() == theirs == "票"
