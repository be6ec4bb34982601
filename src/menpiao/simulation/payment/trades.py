"""What the platform writes down: trades, refunds, and the refusals of its rules."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

BEIJING = timezone(timedelta(hours=8))
STATE_TEXT = {
    "NOTPAY": "订单未支付",
    "USERPAYING": "用户支付中，等待输入密码",
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "CLOSED": "订单已关闭",
    "REVOKED": "订单已撤销",
    "PAYERROR": "支付失败",
}


def stamp(at_s: float) -> str:
    """RFC 3339 with +08:00, as the platform writes times."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(BEIJING).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the platform that says no."""

    status: int
    code: str
    message: str


@dataclass(slots=True)
class Refund:
    """A refund of a trade."""

    out_refund_no: str
    refund_id: str
    out_trade_no: str
    transaction_id: str
    refund_fen: int
    total_fen: int
    notify_url: str
    created_s: float
    status: str = "PROCESSING"
    finished_s: float = 0.0

    def view(self) -> dict[str, Any]:
        """The refund as the API shows it."""
        shown: dict[str, Any] = {
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": stamp(self.created_s),
            "status": self.status,
            "funds_account": "AVAILABLE",
            "amount": {
                "total": self.total_fen,
                "refund": self.refund_fen,
                "payer_total": self.total_fen,
                "payer_refund": self.refund_fen,
                "settlement_refund": self.refund_fen,
                "settlement_total": self.total_fen,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        if self.status == "SUCCESS":
            shown["success_time"] = stamp(self.finished_s)
        return shown

    def notice(self, mchid: str) -> dict[str, Any]:
        """The refund as a notification tells it."""
        shown = self.view()
        amount = {k: shown["amount"][k] for k in ("total", "refund", "payer_total", "payer_refund")}
        told = {
            "mchid": mchid,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "refund_status": self.status,
            "user_received_account": shown["user_received_account"],
            "amount": amount,
        }
        if "success_time" in shown:
            told["success_time"] = shown["success_time"]
        return told


@dataclass(slots=True)
class Trade:
    """An order at the platform. ``asked`` is the body that created it, for comparison."""

    out_trade_no: str
    trade_type: str
    asked: dict[str, Any]
    total_fen: int
    description: str
    notify_url: str
    created_s: float
    expires_s: float
    pr: str = ""
    code_url_until_s: float = 0.0
    state: str = "NOTPAY"
    transaction_id: str = ""
    paid_s: float = 0.0
    refunds: list[Refund] = field(default_factory=list)

    @property
    def paid(self) -> bool:
        """Money has been taken, whether or not some of it went back."""
        return self.state in {"SUCCESS", "REFUND"}

    @property
    def code_url(self) -> str:
        """What stands in the QR code."""
        return f"weixin://wxpay/bizpayurl?pr={self.pr}"

    @property
    def refunded_fen(self) -> int:
        """What refunds have taken or may still take."""
        return sum(r.refund_fen for r in self.refunds if r.status != "CLOSED")

    def view(self, mchid: str, appid: str) -> dict[str, Any]:
        """The trade as query and notification show it."""
        shown: dict[str, Any] = {
            "appid": appid,
            "mchid": mchid,
            "out_trade_no": self.out_trade_no,
            "trade_state": self.state,
            "trade_state_desc": STATE_TEXT[self.state],
            "amount": {"total": self.total_fen, "currency": "CNY"},
        }
        if self.transaction_id:
            shown |= {
                "transaction_id": self.transaction_id,
                "trade_type": self.trade_type,
                "bank_type": "OTHERS",
                "attach": "",
                "success_time": stamp(self.paid_s),
                "payer": {"openid": "oSimulatedVisitor0000000000"},
                "amount": {
                    "total": self.total_fen,
                    "payer_total": self.total_fen,
                    "currency": "CNY",
                    "payer_currency": "CNY",
                },
            }
        return shown
