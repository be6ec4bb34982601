"""Printer profiles as data: the shipped ones, a site's own, and what is said of a wrong one."""

from pathlib import Path

import pytest

from menpiao.compose.devices import printer_of
from menpiao.terminals.counter.config import load_counter_config
from menpiao.terminals.devices import Printer
from menpiao.terminals.gate.config import ConfigError, load_config
from menpiao.terminals.parts.printer.base import Cut, Slip, Text
from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import (
    MAKES,
    PROFILES,
    ProfileError,
    load_profile,
    profile_of,
)

OWN = """
title_zh = "园区自购 80 mm"
title_en = "The park's own, 80 mm"
paper_mm = 80
dots = 512
charset = "gbk"
cutter = "full"
feed_before_cut_lines = 6
esc_style = true
[fs_bits]
width = 0x04
height = 0x08
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own-80.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_every_shipped_file_is_a_profile_and_the_generic_ones_come_first() -> None:
    assert set(PROFILES) == {path.stem for path in MAKES.iterdir()}
    assert list(PROFILES)[:2] == ["generic-80", "generic-58"]


def test_a_sites_own_file_decides_the_bytes(own: Path) -> None:
    profile = profile_of(str(own))
    assert (profile.name, profile.columns) == ("own-80", 42)
    slip = encode(Slip((Text("票", size=2), Cut())), profile, Fonts())
    assert b"\x1b!\x30\x1c!\x0c" in slip
    assert slip.endswith(b"\x1bd\x06\x1dV\x00")


def test_a_lane_and_a_counter_name_it_beside_their_configuration(own: Path) -> None:
    printer = '[printer]\nhost = "127.0.0.1"\nprofile = "own-80.toml"\n'
    lane, counter = own.with_name("gate.toml"), own.with_name("counter.toml")
    lane.write_text(
        f'centre = "http://127.0.0.1"\ngate_id = 1\n[reader]\nport = "/dev/x"\n{printer}'
    )
    counter.write_text(f'origins = ["https://a.example"]\n[reader]\nport = "/dev/x"\n{printer}')
    assert load_config(lane).printer.profile == str(own)
    assert load_counter_config(counter).printer.profile == str(own)
    assert printer_of(load_config(lane).printer) is not None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("dots = 512", "dots = 510", "dots"),
        ("dots = 512", "", "dots"),
        ('"gbk"', '"big5"', "big5"),
        ("width = 0x04", "width = 0x0C", "two different bits"),
        ("width = 0x04", "width = 0x08", "two different bits"),
        ("cutter", "knife", "knife"),
        ("paper_mm", 'name = "x"\npaper_mm', "as its file is"),
        ("paper_mm = 80", "paper_mm = ", "own-80.toml"),
    ],
)
def test_a_profile_that_cannot_be_used_is_said(
    own: Path, before: str, after: str, said: str
) -> None:
    own.write_text(OWN.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ProfileError, match=said) as error:
        load_profile(own)
    assert "own-80.toml" in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[printer\] .*none\.toml"):
        printer_of(Printer(host="p", profile=str(tmp_path / "none.toml")))
