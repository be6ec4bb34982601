"""A believable park to begin with: set-up rows, and slots laid out for the days to come."""

import hashlib
import secrets
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from menpiao.storage.database.models import (
    EnrolmentCode,
    Gate,
    PriceRule,
    Product,
    Site,
    SlotPlan,
    Staff,
)
from menpiao.storage.database.slots import LAY

_PLANTING = 0x7061726B  # "park"


def lay_slots(site: Site, first: date, days: int) -> int:
    """Lay out the ceilings and slots of so many days by the site's plans; how many are new.

    Days and slots that exist are left as they are; from then on the worker keeps ahead.
    """
    connection.ensure_connection()
    # The statement is the worker's; its places are PostgreSQL's own, which this cursor takes.
    with psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(LAY, [site.pk, first, days])
        return cursor.rowcount


@transaction.atomic
def plant_demo_park() -> Site:
    """A mountain park with two products, four gates and three people; only once a database."""
    with connection.cursor() as cursor:  # of several starts at once the first plants
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PLANTING])
    site = Site.objects.filter(code="yunshan").first()
    if site is not None:
        return site
    site = Site.objects.create(
        code="yunshan",
        name="云山风景区",
        name_en="Cloud Hill Scenic Area",
        address="示例省云山市迎宾路1号",
        address_en="1 Yingbin Road, Yunshan, Example Province",
        phone="400-000-0000",
        day_capacity=20000,
        instant_capacity=8000,
        terms="请携带预订时填写的证件原件，刷证入园。闭园前一小时停止入园。",
        terms_en="Bring the document you booked with: it is your ticket."
        " Last entry one hour before closing.",
    )
    for number, (name, name_en, direction) in enumerate(
        (
            ("东门1号", "East Gate 1", "entry"),
            ("东门2号", "East Gate 2", "entry"),
            ("南门1号", "South Gate 1", "entry"),
            ("东门出口", "East Exit", "exit"),
        )
    ):
        Gate.objects.create(
            site=site, name=name, name_en=name_en, direction=direction, early_grace_s=1800 + number
        )
    _plant_products(site)
    for name, role in (("clerk", "clerk"), ("supervisor", "supervisor"), ("manager", "manager")):
        user = User.objects.create_user(
            name,
            password=f"demo-{name}",
            is_staff=role == "manager",
            is_superuser=role == "manager",
        )
        Staff.objects.create(user=user, site=site, role=role)
    return site


def _plant_products(site: Site) -> None:
    day = Product.objects.create(
        site=site,
        code="day",
        name="全天门票",
        name_en="Day ticket",
        kind="dated",
        price_fen=12000,
        people_per_order=5,
        people_per_document=5,
        sale_days=14,
        reentry="after_exit",
        minor_age=16,
    )
    morning = Product.objects.create(
        site=site,
        code="slot",
        name="分时段门票",
        name_en="Timed ticket",
        kind="slot",
        price_fen=10000,
        people_per_order=5,
        sale_days=14,
        minor_age=16,
        position=1,
    )
    for product in (day, morning):
        half = product.price_fen // 2
        for code, name, name_en, ages, price_fen in (
            ("child", "儿童免票", "Child, free", (None, 6), 0),
            ("youth", "青少年半价", "Youth, half price", (6, 18), half),
            ("senior", "老人半价", "Senior, half price", (60, 65), half),
            ("elder", "长者免票", "Senior 65+, free", (65, None), 0),
        ):
            PriceRule.objects.create(
                product=product,
                code=code,
                name=name,
                name_en=name_en,
                age_from=ages[0],
                age_below=ages[1],
                price_fen=price_fen,
            )
    # The demo park never closes, so that it can be shown at any hour.
    SlotPlan.objects.create(
        product=day, starts_at=time(0, 0), ends_at=time(23, 59, 59), capacity=12000
    )
    for hour in range(0, 24, 3):
        SlotPlan.objects.create(
            product=morning,
            starts_at=time(hour, 0),
            ends_at=time(hour + 2, 59, 59),
            capacity=1000,
        )


def enrolment_code(gates: list[Gate]) -> str:
    """A fresh one-time code for a terminal at these gates, valid for an hour."""
    code = secrets.token_hex(8).upper()
    row = EnrolmentCode.objects.create(
        site=gates[0].site,
        code_hash=hashlib.sha256(b"menpiao-enrol:" + code.encode()).digest(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    row.gates.set(gates)
    return code


def only_site() -> Site | None:
    """The installation's site; the first where there are more."""
    return Site.objects.order_by("pk").first()


def lay_slots_from_today(site: Site, days: int) -> int:
    """:func:`lay_slots` from the site's today on."""
    return lay_slots(site, local_today(site), days)


def local_today(site: Site) -> date:
    """Today at the site."""
    return timezone.now().astimezone(ZoneInfo(site.zone)).date()


def enrolment_code_for(site: Site, gate_name: str) -> str | None:
    """A one-time code for a gate by its name; None when there is none."""
    gates = list(Gate.objects.filter(site=site, name=gate_name))
    return enrolment_code(gates) if gates else None


def has_other_sites() -> bool:
    """Whether somebody has set up a site that is not the demo park."""
    return Site.objects.exclude(code="yunshan").exists()


def gates_of(site: Site) -> dict[str, tuple[int, str]]:
    """Id and direction of a site's gates, by name."""
    rows = Gate.objects.filter(site=site).order_by("pk")
    return {gate.name: (gate.pk, gate.direction) for gate in rows}
