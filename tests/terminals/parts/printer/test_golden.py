"""The slips as pictures. After a wanted change: ``GOLDEN=write pytest`` this file, and look."""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from tests.terminals.parts.printer.test_slips import ADMISSION, REFUND, SALE

from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import interpret, paper
from menpiao.terminals.parts.printer.slips import admission_slip, refund_slip, sale_slip

GOLDEN = Path(__file__).parent / "golden"
FONTS = Fonts()
DRAWN_WITH = "wqy-microhei.ttc"
SLIPS = {
    "admission": admission_slip(ADMISSION),
    "admission-en": admission_slip(ADMISSION, "en"),
    "sale": sale_slip(SALE),
    "refund": refund_slip(REFUND),
}


@pytest.mark.skipif(
    [path.name for path in FONTS._paths] != [DRAWN_WITH], reason=f"drawn with {DRAWN_WITH} alone"
)
@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("profile", ["generic-58", "generic-80", "drawn-58"])
def test_golden(slip: str, profile: str) -> None:
    chosen = PROFILES[profile]
    items, unknown = interpret(encode(SLIPS[slip], chosen, FONTS), chosen)
    assert unknown == []
    drawn = paper(items, chosen, FONTS).convert("1")
    path = GOLDEN / f"{slip}.{profile}.png"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        drawn.save(path, optimize=True)
    kept = Image.open(path).convert("1")
    assert drawn.size == kept.size
    differing = ImageChops.logical_xor(drawn, kept).histogram()[-1]
    # Another release of the font engine moves single dots; a wrong line moves thousands.
    assert differing <= drawn.width * drawn.height * 0.005
