"""The platform's rules: what may be created, paid, closed, reversed and refunded, and when.

No I/O. Times are seconds since 1970 and are handed in; waiting times of the rules shrink with
``time_scale``, absolute times (``time_expire``) do not.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from menpiao.simulation.payment.trades import Refund, Refusal, Trade

CODE_URL_S = 7200
AUTH_CODE_S = 60
REVERSE_NOT_BEFORE_S = 15
REFUND_SPACING_S = 60
REFUNDS_MAX = 50

NOT_EXIST = Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
PAID = Refusal(400, "ORDERPAID", "订单已支付")
CLOSED = Refusal(400, "ORDER_CLOSED", "订单已关闭")


def _bad(message: str) -> Refusal:
    return Refusal(400, "PARAM_ERROR", message)


def _invalid(message: str) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", message)


class Book:
    """All trades and refunds of one merchant, in memory."""

    def __init__(self, mchid: str, appid: str, time_scale: float = 1.0) -> None:
        self.mchid = mchid
        self.appid = appid
        self.time_scale = time_scale
        self.trades: dict[str, Trade] = {}
        self.refunds: dict[str, Refund] = {}
        self.balance_low = False
        self._codes: dict[str, tuple[str, float]] = {}
        self._serial = iter(_numbers())

    def _owner_fault(self, body: dict[str, Any], *, with_appid: bool = True) -> Refusal | None:
        if body.get("mchid") != self.mchid or (with_appid and body.get("appid") != self.appid):
            return Refusal(400, "APPID_MCHID_NOT_MATCH", "商户号与AppID不匹配")
        return None

    def _order_fault(self, body: dict[str, Any]) -> Refusal | None:
        number = body.get("out_trade_no")
        if not isinstance(number, str) or not 6 <= len(number) <= 32:
            return _bad("out_trade_no 长度不正确")
        description = body.get("description")
        if not isinstance(description, str) or not 1 <= len(description) <= 127:
            return _bad("description 不正确")
        amount = body.get("amount")
        total = amount.get("total") if isinstance(amount, dict) else None
        if not isinstance(total, int) or isinstance(total, bool) or total < 1:
            return _bad("amount.total 不正确")
        return None

    def create_native(self, body: dict[str, Any], now_s: float) -> Trade | Refusal:
        """A new order, or the same one again when every parameter is the same."""
        fault = self._owner_fault(body) or self._order_fault(body)
        if fault:
            return fault
        notify_url = body.get("notify_url")
        if not isinstance(notify_url, str) or not notify_url.startswith("http"):
            return _bad("notify_url 不正确")
        if "?" in notify_url:
            return _bad("notify_url 不能携带参数")
        expires_s = now_s + 7 * 86400
        if "time_expire" in body:
            try:
                moment = datetime.fromisoformat(body["time_expire"])
            except (TypeError, ValueError):
                return _bad("time_expire 格式不正确")
            if moment.tzinfo is None or moment.timestamp() <= now_s:
                return _bad("time_expire 已过期或缺少时区")
            expires_s = moment.timestamp()
        known = self.trades.get(body["out_trade_no"])
        if known is not None:
            return self._again(known, body, now_s)
        trade = Trade(
            out_trade_no=body["out_trade_no"],
            trade_type="NATIVE",
            asked=body,
            total_fen=body["amount"]["total"],
            description=body["description"],
            notify_url=notify_url,
            created_s=now_s,
            expires_s=expires_s,
            pr=secrets.token_urlsafe(7),
            code_url_until_s=now_s + CODE_URL_S,
        )
        self.trades[trade.out_trade_no] = trade
        return trade

    def _again(self, trade: Trade, body: dict[str, Any], now_s: float) -> Trade | Refusal:
        self.expire(trade, now_s)
        if trade.asked != body:
            return _invalid("请求重入时，参数与首次请求时不一致")
        if trade.paid:
            return PAID
        if trade.state != "NOTPAY":
            return CLOSED
        if now_s > trade.code_url_until_s:
            trade.pr = secrets.token_urlsafe(7)
            trade.code_url_until_s = now_s + CODE_URL_S
        return trade

    def expire(self, trade: Trade, now_s: float) -> None:
        """An unpaid order closes by itself at its time_expire."""
        if trade.state == "NOTPAY" and now_s > trade.expires_s:
            trade.state = "CLOSED"

    def find(self, out_trade_no: str, now_s: float) -> Trade | Refusal:
        """A trade as it stands now."""
        trade = self.trades.get(out_trade_no)
        if trade is None:
            return NOT_EXIST
        self.expire(trade, now_s)
        return trade

    def find_transaction(self, transaction_id: str) -> Trade | Refusal:
        """A paid trade by the platform's own number."""
        for trade in self.trades.values():
            if trade.transaction_id and trade.transaction_id == transaction_id:
                return trade
        return NOT_EXIST

    def pay(self, trade: Trade, now_s: float, *, late: bool = False) -> Refusal | None:
        """The visitor pays; ``late``: money that was on its way arrives after the order closed."""
        self.expire(trade, now_s)
        if trade.paid:
            return PAID
        if trade.state not in {"NOTPAY", "USERPAYING"} and not late:
            return CLOSED
        if trade.pr and now_s > trade.code_url_until_s and not late:
            return _invalid("二维码已过期")
        trade.state = "SUCCESS"
        trade.transaction_id = f"42000{next(self._serial)}"
        trade.paid_s = now_s
        return None

    def close(self, out_trade_no: str, body: dict[str, Any], now_s: float) -> Refusal | None:
        """Close an unpaid order; repeatable."""
        fault = self._owner_fault(body, with_appid=False)
        if fault:
            return fault
        trade = self.find(out_trade_no, now_s)
        if isinstance(trade, Refusal):
            return trade
        if trade.trade_type == "MICROPAY":
            return _invalid("付款码订单请使用撤销接口")
        if trade.paid:
            return PAID
        trade.state = "CLOSED"
        return None

    def issue_code(self, behaviour: str, now_s: float) -> str:
        """A payment code as the visitor's phone shows it: 18 digits, good for a minute."""
        code = f"13{secrets.randbelow(10**16):016d}"
        self._codes[code] = (behaviour, now_s + AUTH_CODE_S / self.time_scale)
        return code

    def charge_code(self, body: dict[str, Any], now_s: float) -> Trade | Refusal:
        """Charge a shown code: paid at once, or USERPAYING, or refused."""
        fault = self._owner_fault(body) or self._order_fault(body)
        if fault:
            return fault
        if body["out_trade_no"] in self.trades:
            known = self.trades[body["out_trade_no"]]
            return PAID if known.paid else Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        if not isinstance((body.get("scene_info") or {}).get("store_info"), dict):
            return _bad("scene_info.store_info 缺失")
        code = (body.get("payer") or {}).get("auth_code", "")
        behaviour, until_s = self._codes.pop(code, ("", 0.0))
        if not behaviour:
            return Refusal(400, "AUTH_CODE_INVALID", "付款码无效")
        if now_s > until_s:
            return Refusal(400, "AUTH_CODE_EXPIRED", "付款码已过期")
        trade = Trade(
            out_trade_no=body["out_trade_no"],
            trade_type="MICROPAY",
            asked=body,
            total_fen=body["amount"]["total"],
            description=body["description"],
            notify_url="",
            created_s=now_s,
            expires_s=now_s + 7 * 86400,
        )
        self.trades[trade.out_trade_no] = trade
        if behaviour == "ask":
            trade.state = "USERPAYING"
        elif behaviour == "poor":
            trade.state = "PAYERROR"
            return Refusal(403, "NOT_ENOUGH", "余额不足")
        else:
            self.pay(trade, now_s)
            if behaviour == "lost":
                return Refusal(500, "SYSTEM_ERROR", "系统异常，请用相同参数查询")
        return trade

    def reverse(self, out_trade_no: str, body: dict[str, Any], now_s: float) -> Refusal | None:
        """Reverse a codepay order: an unpaid one is closed, a paid one gives its money back."""
        fault = self._owner_fault(body)
        if fault:
            return fault
        trade = self.find(out_trade_no, now_s)
        if isinstance(trade, Refusal):
            return trade
        if trade.trade_type != "MICROPAY":
            return _invalid("仅付款码订单支持撤销")
        if now_s < trade.created_s + REVERSE_NOT_BEFORE_S / self.time_scale:
            return _invalid("请在支付15秒后再撤销")
        if now_s > trade.created_s + 7 * 86400:
            return Refusal(403, "REVERSE_EXPIRED", "订单已超过可撤销期限")
        trade.state = "REVOKED"
        return None

    def refund(self, body: dict[str, Any], now_s: float) -> Refund | Refusal:
        """A refund, once for each number."""
        number = body.get("out_refund_no")
        amount = body.get("amount") or {}
        fen = amount.get("refund")
        if not isinstance(number, str) or not number or len(number) > 64:
            return _bad("out_refund_no 不正确")
        if not isinstance(fen, int) or fen < 1 or amount.get("currency") != "CNY":
            return _bad("amount 不正确")
        trade = self.find(str(body.get("out_trade_no", "")), now_s)
        if body.get("transaction_id"):
            trade = self.find_transaction(str(body["transaction_id"]))
        if isinstance(trade, Refusal):
            return Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        known = self.refunds.get(number)
        if known is not None:
            same = known.refund_fen == fen and known.out_trade_no == trade.out_trade_no
            return known if same else _invalid("订单金额或退款金额与之前请求不一致")
        fault = self._refund_fault(trade, fen, amount.get("total"), now_s)
        if fault:
            return fault
        made = Refund(
            out_refund_no=number,
            refund_id=f"50300{next(self._serial)}",
            out_trade_no=trade.out_trade_no,
            transaction_id=trade.transaction_id,
            refund_fen=fen,
            total_fen=trade.total_fen,
            notify_url=str(body.get("notify_url", trade.notify_url)),
            created_s=now_s,
        )
        self.refunds[number] = made
        trade.refunds.append(made)
        trade.state = "REFUND"
        return made

    def _refund_fault(self, trade: Trade, fen: int, total: object, now_s: float) -> Refusal | None:
        if not trade.paid:
            return _invalid("订单未支付，不能退款")
        if total != trade.total_fen:
            return _invalid("订单金额不一致")
        if trade.refunded_fen + fen > trade.total_fen:
            return _invalid("累计退款金额大于支付金额")
        if len(trade.refunds) >= REFUNDS_MAX:
            return _invalid("退款次数超过限制")
        spacing_s = REFUND_SPACING_S / self.time_scale
        if trade.refunds and now_s < trade.refunds[-1].created_s + spacing_s:
            return Refusal(429, "FREQUENCY_LIMITED", "同一订单退款间隔须大于1分钟")
        if self.balance_low:
            return Refusal(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
        return None

    def finish_refund(self, refund: Refund, status: str, now_s: float) -> None:
        """A refund reaches its end; an ended one stays as it is."""
        if refund.status == "PROCESSING":
            refund.status = status
            refund.finished_s = now_s


def _numbers() -> Iterator[str]:
    """Numbers of 23 digits, never twice."""
    first = secrets.randbelow(10**18) * 10**5
    while True:
        first += 1
        yield f"{first:023d}"
