"""A site's own slips: a data file, checked when it is read."""

from pathlib import Path

import pytest

from menpiao.terminals.parts.printer.base import Cut, Feed, QrCode, Rule, Text
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.slips import SHIPPED
from menpiao.terminals.parts.printer.templates import FOLDER, TemplateError, load

FACTS = frozenset({"site", "holder", "code"})
OWN = """
[[line]]
text = "{site} 欢迎您 {holder}"
size = 2
[[line]]
text = "{holder}"
[[line]]
rule = true
[[line]]
qr = "{code}"
[[line]]
feed = 2
[[line]]
cut = true
"""


def test_a_template_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    slip = load(path, FACTS).fill({"site": "示例山{holder}", "holder": "", "code": "A{site}"})
    assert slip.lines == (
        Text("示例山{holder} 欢迎您 ", size=2),
        Rule(),
        QrCode("A{site}"),
        Feed(2),
        Cut(),
    ), "facts are text, never template; a line without facts is left out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[line]]\ntext = "{number}"', "no such fact: number"),
        ("[[line]]\nsize = 2", "line 1 is not one of"),
        ('[[line]]\ntext = "a"\ncut = true', "line 1 is not one of"),
        ('[[line]]\ntext = "a"\nsize = 3', "size"),
        ('[[line]]\ntext = "a"\ncolour = "red"', "colour"),
        ("[[line]", "own.toml"),
        ("", "line"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(TemplateError, match=told):
        load(path, FACTS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_ones_ask_for_every_fact(path: Path) -> None:
    facts = SHIPPED[path.name.split(".")[0]]
    assert load(path, facts).names == facts


def test_a_character_no_font_has_is_its_code_and_is_told() -> None:
    fonts = Fonts()
    rare, other = "\U0002ffff", "\U0002fffe"
    cells = [fonts.cell(char, 1, bold=False) for char in (rare, other)]
    assert bytes(cells[0].tobytes()) != bytes(cells[1].tobytes()), "two boxes are not the same"
    assert fonts.missing == {rare, other}
