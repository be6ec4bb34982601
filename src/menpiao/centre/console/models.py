"""Read-only views of the hot tables for the console; they own no table and change none.

The tables' keys are ``(site_id, id)``; ``id`` alone is unique too, and the admin wants one column.
Columns with hashes or sealed personal data are left out on purpose.
"""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext_lazy as _

from menpiao.domain.refund import again_token
from menpiao.domain.ticket import serial_number


class Record(models.Model):
    """A row of a hot table."""

    id = models.BigIntegerField(primary_key=True)
    site_id = models.BigIntegerField(_("景区"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return serial_number(self.pk)


class Order(Record):
    """An order."""

    channel = models.TextField(_("渠道"))
    state = models.TextField(_("状态"))
    product_id = models.BigIntegerField(_("票种"))
    visit_date = models.DateField(_("游览日期"))
    people = models.IntegerField(_("人数"))
    total_fen = models.BigIntegerField(_("金额（分）"))
    language = models.TextField(_("语言"))
    staff_id = models.BigIntegerField(_("员工"), null=True)
    created_at = models.DateTimeField(_("下单时间"))
    expires_at = models.DateTimeField(_("支付截止"), null=True)
    paid_at = models.DateTimeField(_("支付时间"), null=True)

    class Meta:
        managed = False
        db_table = "orders"
        verbose_name = _("订单")
        verbose_name_plural = _("订单")
        ordering: ClassVar = ["-id"]


class Ticket(Record):
    """A ticket, its holder masked."""

    order_id = models.BigIntegerField(_("订单"))
    product_id = models.BigIntegerField(_("票种"))
    visit_date = models.DateField(_("游览日期"))
    opens_at = models.DateTimeField(_("入园开始"))
    closes_at = models.DateTimeField(_("入园结束"))
    state = models.TextField(_("状态"))
    holder_masked = models.TextField(_("游客"))
    document_type = models.TextField(_("证件类型"))
    people = models.SmallIntegerField(_("人数"))
    used = models.SmallIntegerField(_("已入园"))
    inside = models.SmallIntegerField(_("在园"))
    price_fen = models.BigIntegerField(_("票价（分）"))
    concession = models.TextField(_("优惠"))
    first_in_at = models.DateTimeField(_("首次入园"), null=True)
    first_in_gate = models.TextField(_("首次入园闸机"))

    class Meta:
        managed = False
        db_table = "ticket"
        verbose_name = _("门票")
        verbose_name_plural = _("门票")
        ordering: ClassVar = ["-id"]


class Admission(Record):
    """One scan and its answer."""

    device_id = models.BigIntegerField(_("终端设备"))
    gate_id = models.BigIntegerField(_("闸机"))
    direction = models.TextField(_("方向"))
    at = models.DateTimeField(_("时间"))
    admitted = models.BooleanField(_("放行"))
    reason = models.TextField(_("原因"))
    ticket_id = models.BigIntegerField(_("门票"), null=True)
    people = models.SmallIntegerField(_("人数"))

    class Meta:
        managed = False
        db_table = "admission"
        verbose_name = _("核销记录")
        verbose_name_plural = _("核销记录")
        ordering: ClassVar = ["-id"]


class Passage(models.Model):
    """Something a barrier did or counted, by a view that gives it one key."""

    id = models.TextField(primary_key=True)
    site_id = models.BigIntegerField(_("景区"))
    device_id = models.BigIntegerField(_("终端设备"))
    gate_id = models.BigIntegerField(_("闸机"))
    at = models.DateTimeField(_("时间"))
    kind = models.TextField(_("事件"))
    count = models.IntegerField(_("数量"))
    direction = models.TextField(_("方向"))
    received_at = models.DateTimeField(_("收到时间"))

    class Meta:
        managed = False
        db_table = "passage_row"
        verbose_name = _("通行记录")
        verbose_name_plural = _("通行记录")
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return self.pk


class Barred(Record):
    """A document that is not let in; its number is sealed, and opened by no page."""

    masked = models.TextField(_("证件号码"))
    document_type = models.TextField(_("证件类型"))
    document_sealed = models.BinaryField(null=True, editable=False)
    reason = models.TextField(_("原因"))
    until = models.DateTimeField(_("禁入至"), null=True)
    barred_by = models.TextField(_("列入人"))
    barred_at = models.DateTimeField(_("列入时间"))
    lifted_at = models.DateTimeField(_("解除时间"), null=True)
    lifted_by = models.TextField(_("解除人"))
    lift_reason = models.TextField(_("解除原因"))

    done = False
    """Whether what a page asked for was done."""

    class Meta:
        managed = False
        db_table = "barred"
        verbose_name = _("禁入证件")
        verbose_name_plural = _("禁入名单")
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.masked

    @property
    def is_open(self) -> bool:
        """Whether there is something to lift."""
        return self.lifted_at is None

    @property
    def known_alone(self) -> bool:
        """Whether a lane without the centre knows it also where its holder has no ticket."""
        return self.document_sealed is not None

    def in_force(self, now: datetime) -> bool:
        """Whether it keeps anybody out."""
        return self.lifted_at is None and (self.until is None or self.until > now)


class Conflict(Record):
    """A ticket that let more people in than it has, by lanes that could not ask each other."""

    ticket_id = models.BigIntegerField(_("门票"))
    admission_id = models.BigIntegerField(_("超出的一次"))
    earlier_id = models.BigIntegerField(_("先前的一次"), null=True)
    excess = models.SmallIntegerField(_("超出人数"))
    state = models.TextField(_("状态"), choices=[("open", _("待处理")), ("resolved", _("已处理"))])
    found_at = models.DateTimeField(_("发现时间"))
    resolved_by = models.TextField(_("处理人"))
    resolved_at = models.DateTimeField(_("处理时间"), null=True)
    resolution = models.TextField(_("处理说明"))

    done = False
    """Whether what a page asked for was done."""

    class Meta:
        managed = False
        db_table = "conflict"
        verbose_name = _("验票冲突")
        verbose_name_plural = _("验票冲突")
        ordering: ClassVar = ["state", "-id"]

    def __str__(self) -> str:
        return serial_number(self.ticket_id)

    @property
    def is_open(self) -> bool:
        """Whether nobody has resolved it."""
        return self.state == "open"


class Payment(Record):
    """A payment at a provider."""

    order_id = models.BigIntegerField(_("订单"))
    provider = models.TextField(_("支付渠道"))
    state = models.TextField(_("状态"))
    amount_fen = models.BigIntegerField(_("金额（分）"))
    out_trade_no = models.TextField(_("商户单号"))
    provider_ref = models.TextField(_("渠道单号"), null=True)  # noqa: DJ001 - as the table is
    unknown = models.BooleanField(_("结果未知"))
    queries = models.SmallIntegerField(_("查询次数"))
    created_at = models.DateTimeField(_("创建时间"))
    settled_at = models.DateTimeField(_("完成时间"), null=True)
    last_error = models.TextField(_("最近错误"))

    class Meta:
        managed = False
        db_table = "payment"
        verbose_name = _("支付")
        verbose_name_plural = _("支付")
        ordering: ClassVar = ["-id"]


class Refund(Record):
    """Money that goes back, or tickets for which none does; who gave it at a window."""

    order_id = models.BigIntegerField(_("订单"))
    payment_id = models.BigIntegerField(_("支付"))
    state = models.TextField(
        _("状态"),
        choices=[
            ("requested", _("待提交")),
            ("submitted", _("平台处理中")),
            ("done", _("已到账")),
            ("abnormal", _("未到账：平台异常")),
            ("closed", _("未到账：平台关闭")),
            ("external", _("平台发起")),
        ],
    )
    amount_fen = models.BigIntegerField(_("金额（分）"))
    out_refund_no = models.TextField(_("商户退款单号"))
    reason = models.TextField(_("来源"))
    staff_id = models.BigIntegerField(_("员工"), null=True)
    token = models.TextField(null=True)  # noqa: DJ001 - the table is not Django's
    created_at = models.DateTimeField(_("创建时间"))
    done_at = models.DateTimeField(_("完成时间"), null=True)
    last_error = models.TextField(_("最近错误"))

    done = False
    """Whether what a page asked for was done."""
    followed = False
    """Whether another refund has followed this one; lists and pages say so."""

    class Meta:
        managed = False
        db_table = "refund"
        verbose_name = _("退款")
        verbose_name_plural = _("退款")
        ordering: ClassVar = ["-id"]

    @property
    def is_open(self) -> bool:
        """Whether the money did not arrive and a person has to see to it."""
        return self.state == "abnormal" or (self.state == "closed" and not self.followed)


def with_followed(refunds: QuerySet[Any]) -> QuerySet[Any]:
    """Refunds that say whether another one has followed them."""
    token = Concat(Value(again_token(0)[:-1]), Cast(OuterRef("pk"), models.TextField()))
    later = Refund.objects.filter(
        site_id=OuterRef("site_id"), order_id=OuterRef("order_id"), token=token
    )
    found: QuerySet[Any] = refunds.annotate(followed=Exists(later))
    return found


def stopped(refunds: QuerySet[Any]) -> QuerySet[Any]:
    """Those of them that wait for a person, as :attr:`Refund.is_open` says of one."""
    open_ones = Q(state="abnormal") | Q(state="closed", followed=False)
    found: QuerySet[Any] = with_followed(refunds).filter(open_ones)
    return found


class Outbox(Record):
    """Something that has to leave the house: a message or money."""

    channel = models.TextField(_("渠道"))
    kind = models.TextField(_("类型"))
    ref_id = models.BigIntegerField(_("关联编号"))
    state = models.TextField(_("状态"))
    attempts = models.SmallIntegerField(_("尝试次数"))
    due_at = models.DateTimeField(_("应发时间"))
    created_at = models.DateTimeField(_("创建时间"))
    sent_at = models.DateTimeField(_("发出时间"), null=True)
    done_at = models.DateTimeField(_("完成时间"), null=True)
    last_error = models.TextField(_("最近错误"))

    class Meta:
        managed = False
        db_table = "outbox"
        verbose_name = _("待发事项")
        verbose_name_plural = _("待发事项")
        ordering: ClassVar = ["-id"]
