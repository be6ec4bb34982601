"""Set-up tables: what an operator arranges before anybody buys. Hot tables are in ``sql/``.

The table names are short because the servers read them with plain SQL.
"""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Site(models.Model):
    """A scenic area (景区); everything hot carries its id."""

    code = models.SlugField(_("代码"), unique=True)
    name = models.CharField(_("名称"), max_length=60)
    name_en = models.CharField(_("英文名称"), max_length=80, blank=True)
    zone = models.CharField(_("时区"), max_length=40, default="Asia/Shanghai")
    address = models.CharField(_("地址"), max_length=120, blank=True)
    address_en = models.CharField(
        _("英文地址"), max_length=160, blank=True, default="", db_default=""
    )
    phone = models.CharField(_("服务电话"), max_length=30, blank=True)
    day_capacity = models.PositiveIntegerField(_("日最大承载量"), default=10000)
    instant_capacity = models.PositiveIntegerField(_("瞬时最大承载量"), default=5000)
    terms = models.TextField(_("入园须知"), blank=True)
    terms_en = models.TextField(_("英文入园须知"), blank=True)
    is_open = models.BooleanField(_("开放"), default=True)
    holds_when_full = models.BooleanField(
        _("达到瞬时承载量时暂停入园"), default=False, db_default=False
    )
    alone = models.CharField(
        _("断网且无站点主机时"),
        max_length=8,
        default="admit",
        db_default="admit",
        choices=[("admit", _("照常验票")), ("home", _("仅限归属闸机")), ("refuse", _("停止验票"))],
    )

    class Meta:
        db_table = "site"
        verbose_name = _("景区")
        verbose_name_plural = _("景区")

    def __str__(self) -> str:
        return self.name


class Zone(models.Model):
    """A part of a site with gates of its own (园中园): counted for itself."""

    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    name = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=60, blank=True)
    instant_capacity = models.PositiveIntegerField(_("瞬时最大承载量（0=不限）"), default=0)

    class Meta:
        db_table = "zone"
        verbose_name = _("分区")
        verbose_name_plural = _("分区")

    def __str__(self) -> str:
        return self.name


_DIRECTIONS = [("entry", _("入")), ("exit", _("出"))]
_REENTRY = [("none", _("不可")), ("after_exit", _("出园后可")), ("unlimited", _("不限"))]
_EXPIRED = [("ignore", _("忽略")), ("warn", _("提示")), ("refuse", _("拒绝"))]


class GateGroup(models.Model):
    """Gates with rules in common (闸机分组): what it says counts for all of them.

    What is empty here each of its gates says for itself.
    """

    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    name = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=60, blank=True)
    direction = models.CharField(_("方向"), max_length=8, blank=True, choices=_DIRECTIONS)
    zone = models.ForeignKey(
        Zone, models.PROTECT, verbose_name=_("通往分区"), null=True, blank=True
    )
    reentry = models.CharField(_("再次入园"), max_length=12, blank=True, choices=_REENTRY)
    products: "models.ManyToManyField[Product, Any]" = models.ManyToManyField(
        "Product", verbose_name=_("可用票种"), blank=True, related_name="+"
    )
    people_per_scan = models.PositiveSmallIntegerField(
        _("每次放行人数（0=全部）"), null=True, blank=True
    )
    early_grace_s = models.PositiveIntegerField(_("提前宽限秒数"), null=True, blank=True)
    late_grace_s = models.PositiveIntegerField(_("延后宽限秒数"), null=True, blank=True)
    passback_s = models.PositiveIntegerField(_("重复刷证间隔秒数（0=不限）"), null=True, blank=True)
    needs_inside = models.BooleanField(_("须先入园"), null=True, blank=True)
    leave_first = models.ManyToManyField(
        Zone, verbose_name=_("须先离开的分区"), blank=True, related_name="+"
    )
    expired_document = models.CharField(_("证件过期时"), max_length=8, blank=True, choices=_EXPIRED)

    class Meta:
        db_table = "gate_group"
        verbose_name = _("闸机分组")
        verbose_name_plural = _("闸机分组")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "name"], name="gate_group_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Gate(models.Model):
    """A lane (闸机通道) that people pass in one direction.

    Its rules count as far as its group says nothing else.
    """

    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    zone = models.ForeignKey(
        Zone, models.PROTECT, verbose_name=_("通往分区（空=景区大门）"), null=True, blank=True
    )
    name = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=60, blank=True)
    group = models.ForeignKey(
        GateGroup, models.PROTECT, verbose_name=_("分组"), null=True, blank=True
    )
    direction = models.CharField(_("方向"), max_length=8, default="entry", choices=_DIRECTIONS)
    reentry = models.CharField(
        _("再次入园（空=按票种）"),
        max_length=12,
        blank=True,
        default="",
        db_default="",
        choices=_REENTRY,
    )
    products: "models.ManyToManyField[Product, Any]" = models.ManyToManyField(
        "Product", verbose_name=_("可用票种（空=全部）"), blank=True, related_name="+"
    )
    people_per_scan = models.PositiveSmallIntegerField(_("每次放行人数（0=全部）"), default=0)
    early_grace_s = models.PositiveIntegerField(_("提前宽限秒数"), default=1800)
    late_grace_s = models.PositiveIntegerField(_("延后宽限秒数"), default=1800)
    passback_s = models.PositiveIntegerField(
        _("重复刷证间隔秒数（0=不限）"), default=0, db_default=0
    )
    needs_inside = models.BooleanField(_("须先入园"), default=False, db_default=False)
    leave_first = models.ManyToManyField(
        Zone, verbose_name=_("须先离开的分区"), blank=True, related_name="+"
    )
    expired_document = models.CharField(
        _("证件过期时"),
        max_length=8,
        default="warn",
        db_default="warn",
        choices=_EXPIRED,
    )
    is_open = models.BooleanField(_("开放"), default=True)

    class Meta:
        db_table = "gate"
        verbose_name = _("闸机")
        verbose_name_plural = _("闸机")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold (票种). ``product_class``: one document has one ticket of a class a day."""

    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    code = models.SlugField(_("代码"))
    name = models.CharField(_("名称"), max_length=60)
    name_en = models.CharField(_("英文名称"), max_length=80, blank=True)
    kind = models.CharField(
        _("类型"),
        max_length=8,
        default="dated",
        choices=[("dated", _("单日票")), ("slot", _("分时段票")), ("pass", _("多日票、年卡"))],
    )
    valid_days = models.PositiveSmallIntegerField(_("有效天数（多日票）"), default=1, db_default=1)
    visits = models.PositiveSmallIntegerField(
        _("可用次数（多日票，0=不限）"), default=0, db_default=0
    )
    product_class = models.SlugField(_("唯一类别"), default="entry")
    price_fen = models.PositiveIntegerField(_("全价（分）"))
    people_per_order = models.PositiveSmallIntegerField(_("每单最多人数"), default=5)
    people_per_document = models.PositiveSmallIntegerField(_("每证最多人数"), default=1)
    sale_days = models.PositiveSmallIntegerField(_("提前预订天数"), default=7)
    sale_ends_s = models.PositiveIntegerField(_("时段结束前停售秒数"), default=0)
    reentry = models.CharField(
        _("再次入园"),
        max_length=12,
        default="none",
        choices=_REENTRY,
    )
    document_types = models.JSONField(_("接受的证件（空=全部）"), default=list, blank=True)
    minor_age = models.PositiveSmallIntegerField(_("不可单独预订的年龄（0=不限）"), default=0)
    gates = models.ManyToManyField(Gate, verbose_name=_("可入闸机（空=全部）"), blank=True)
    on_sale = models.BooleanField(_("在售"), default=True)
    position = models.PositiveSmallIntegerField(_("排序"), default=0)

    class Meta:
        db_table = "product"
        verbose_name = _("票种")
        verbose_name_plural = _("票种")
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "code"], name="product_code"),
        ]

    def __str__(self) -> str:
        return self.name


class ProductZone(models.Model):
    """A zone that a product includes, and how often each of its people may enter it."""

    product = models.ForeignKey(Product, models.CASCADE, verbose_name=_("票种"))
    zone = models.ForeignKey(Zone, models.PROTECT, verbose_name=_("分区"))
    entries = models.PositiveSmallIntegerField(_("每人可入次数（0=不限）"), default=1)

    class Meta:
        db_table = "product_zone"
        verbose_name = _("包含的分区")
        verbose_name_plural = _("包含的分区")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "zone"], name="product_zone_once"),
        ]

    def __str__(self) -> str:
        return str(self.zone)


class PriceRule(models.Model):
    """A concession (优惠): who pays less, and what must be shown. None = not looked at."""

    product = models.ForeignKey(Product, models.CASCADE, verbose_name=_("票种"))
    code = models.SlugField(_("代码"))
    name = models.CharField(_("名称"), max_length=40)
    name_en = models.CharField(_("英文名称"), max_length=60, blank=True)
    age_from = models.PositiveSmallIntegerField(_("满（岁）"), null=True, blank=True)
    age_below = models.PositiveSmallIntegerField(_("未满（岁）"), null=True, blank=True)
    document_types = models.JSONField(_("证件类型（空=全部）"), default=list, blank=True)
    provinces = models.JSONField(_("签发省份（空=全部）"), default=list, blank=True)
    price_fen = models.PositiveIntegerField(_("价格（分）"))
    evidence = models.CharField(_("须查验的证件（空=无）"), max_length=40, blank=True)
    evidence_en = models.CharField(_("须查验的证件（英文）"), max_length=60, blank=True)
    checked_at_gate = models.BooleanField(
        _("网上可购，入园时查验"), default=False, db_default=False
    )

    class Meta:
        db_table = "price_rule"
        verbose_name = _("优惠")
        verbose_name_plural = _("优惠")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "code"], name="price_rule_code"),
        ]

    def __str__(self) -> str:
        return self.name


class RefundStep(models.Model):
    """A step of a product's refund rule (退票规则): the best one still open counts.

    A product without any is given back in full until its slot ends; with a step of 0 %, never.
    """

    product = models.ForeignKey(Product, models.CASCADE, verbose_name=_("票种"))
    before_end_s = models.IntegerField(_("时段结束前多少秒截止（负数=结束后）"))
    percent = models.PositiveSmallIntegerField(
        _("退还比例（%）"), validators=[MaxValueValidator(100)]
    )

    class Meta:
        db_table = "refund_step"
        verbose_name = _("退票规则（空=时段结束前全额退）")
        verbose_name_plural = _("退票规则（空=时段结束前全额退）")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "before_end_s"], name="refund_step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.percent}%"


class SlotPlan(models.Model):
    """The daily pattern from which slots are laid out (时段安排); local times of the site."""

    product = models.ForeignKey(Product, models.CASCADE, verbose_name=_("票种"))
    starts_at = models.TimeField(_("开始"))
    ends_at = models.TimeField(_("结束"))
    capacity = models.PositiveIntegerField(_("可售数量"))

    class Meta:
        db_table = "slot_plan"
        verbose_name = _("时段安排")
        verbose_name_plural = _("时段安排")

    def __str__(self) -> str:
        return f"{self.starts_at:%H:%M}-{self.ends_at:%H:%M}"


class Device(models.Model):
    """An enrolled terminal (终端设备); its Ed25519 public key is its identity."""

    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    name = models.CharField(_("名称"), max_length=60)
    public_key = models.BinaryField(_("公钥"), max_length=32, unique=True)
    gates = models.ManyToManyField(Gate, verbose_name=_("可用闸机"), blank=True)
    enrolled_at = models.DateTimeField(_("登记时间"), auto_now_add=True)
    key_since = models.DateTimeField(_("密钥启用时间"), null=True, blank=True, editable=False)
    """Of a key that was rolled; null: the one that the device was enrolled with."""
    revoked_at = models.DateTimeField(_("停用时间"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("最近在线"), null=True, blank=True)

    class Meta:
        db_table = "device"
        verbose_name = _("终端设备")
        verbose_name_plural = _("终端设备")

    def __str__(self) -> str:
        return self.name


class EnrolmentCode(models.Model):
    """A one-time code (一次性登记码): it buys one device a place, once, until it expires.

    Only a hash of the code is kept.
    """

    site = models.ForeignKey(Site, models.CASCADE, verbose_name=_("景区"))
    code_hash = models.BinaryField(_("登记码摘要"), max_length=32, unique=True)
    gates = models.ManyToManyField(Gate, verbose_name=_("可用闸机"), blank=True)
    expires_at = models.DateTimeField(_("有效期至"))
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)

    class Meta:
        db_table = "enrolment_code"
        verbose_name = _("登记码")
        verbose_name_plural = _("登记码")

    def __str__(self) -> str:
        return f"{self.site} {self.expires_at:%F %H:%M}"


class Staff(models.Model):
    """A person of the house (员工) and what they may do at which site."""

    user = models.OneToOneField(User, models.CASCADE, verbose_name=_("账号"))
    site = models.ForeignKey(Site, models.PROTECT, verbose_name=_("景区"))
    role = models.CharField(
        _("岗位"),
        max_length=12,
        default="clerk",
        choices=[("clerk", _("售票员")), ("supervisor", _("值班主管")), ("manager", _("管理人员"))],
    )
    badge = models.CharField(_("工号"), max_length=12, blank=True, default="", db_default="")
    pin_hash = models.CharField(
        _("闸机密码摘要"), max_length=160, blank=True, editable=False, default="", db_default=""
    )

    class Meta:
        db_table = "staff"
        verbose_name = _("员工")
        verbose_name_plural = _("员工")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["site", "badge"],
                condition=~models.Q(badge=""),
                name="staff_badge_once",
                violation_error_message=_("此工号在该景区已有人使用。"),
            ),
        ]

    def __str__(self) -> str:
        return self.user.get_username()
