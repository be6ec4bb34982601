"""What a short message says, and what it must not."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.centre.messaging.parts import part_count, units
from menpiao.centre.messaging.texts import (
    CONFIRMATION,
    REFUND_FAILED,
    REFUNDED,
    TEMPLATES,
    Repayment,
    Visit,
    language_of,
    render,
)

VISIT = Visit(
    signature="青岚山",
    order="102417",
    product="成人票",
    starts_at=datetime(2026, 11, 24, 9),
    ends_at=datetime(2026, 11, 24, 12),
    people=2,
    gates=("东门",),
)


def changed(**fields):
    from dataclasses import replace

    return replace(VISIT, **fields)


def test_the_chinese_confirmation():
    assert render(CONFIRMATION, "zh", VISIT) == (
        "【青岚山】订单102417已确认：11月24日09:00-12:00，成人票2人。"
        "凭购票所用证件原件在东门刷证入园，无需换票。"
    )


def test_the_english_confirmation():
    visit = changed(signature="Qinglan", product="Adult", gates=("East gate",), people=1)
    assert render(CONFIRMATION, "en", visit) == (
        "【Qinglan】Order 102417 confirmed: 24 Nov 09:00-12:00, Adult, 1 person."
        " Enter at East gate with the ID document used for booking. No paper ticket needed."
    )


def test_the_usual_chinese_confirmation_is_billed_as_one_message():
    text = render(CONFIRMATION, "zh", changed(gates=()))
    assert "任一入口" in text
    assert units(text) <= 70
    assert part_count(text) == 1


def test_gates_are_named_while_they_are_few():
    assert "东门、西门" in render(CONFIRMATION, "zh", changed(gates=("东门", "西门")))
    assert "任一入口" in render(CONFIRMATION, "zh", changed(gates=tuple("一二三四")))


@pytest.mark.parametrize(
    ("code", "language"),
    [("zh-hans", "zh"), ("zh", "zh"), ("en", "en"), ("EN-gb", "en"), ("fr", "zh"), ("", "zh")],
)
def test_the_language_is_chinese_when_in_doubt(code, language):
    assert language_of(code) == language


@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_template_holds_what_an_operator_filters(kind, language):
    text = TEMPLATES[kind][language]
    assert text.startswith("【{signature}】")
    assert not re.search(r"https?:|www|\.[a-z]{2,}|/|\d{5,}", text)


@pytest.mark.parametrize("kind", [REFUNDED, REFUND_FAILED])
@pytest.mark.parametrize("cash", [False, True])
def test_a_message_about_a_refund_is_billed_as_one_in_chinese(kind, cash):
    told = Repayment(signature="青岚山", order="102417336185", amount_fen=12850, cash=cash)
    text = render(kind, "zh", told)
    assert "128.50元" in text
    assert part_count(text) == 1
    assert "CNY 128.50" in render(kind, "en", told)


names = st.text(max_size=200)


@given(names, names, st.lists(names, max_size=6), st.integers(1, 99), st.sampled_from(["zh", "en"]))
def test_any_names_give_one_line_with_one_signature(signature, product, gates, people, language):
    visit = changed(signature=signature, product=product, gates=tuple(gates), people=people)
    text = render(CONFIRMATION, language, visit)
    assert len(text.splitlines()) == 1
    assert text.count("【") == text.count("】") == 1
    assert "102417" in text
    assert part_count(text) <= 6
