"""A configuration that is written is read back as it was."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menpiao.terminals.devices import Led, Reader, Scanner
from menpiao.terminals.gate.config import (
    Barrier,
    Delays,
    Display,
    GateConfig,
    Offline,
    Printer,
    read_config,
)
from menpiao.terminals.gate.config_text import config_text

PLAIN = GateConfig(centre="https://t.example", gate_id=1, reader=Reader(port="/dev/ttyUSB0"))
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PATHS = TEXTS.map(lambda text: f"/{text}")


def back(config: GateConfig, folder: Path) -> GateConfig:
    path = folder / "gate.toml"
    path.write_text(config_text(config), encoding="utf-8", newline="")
    return read_config(path)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"hub": "http://h.example:1", "authority_file": "ca.pem", "data_dir": Path("/x y/ü")},
        {"reader": Reader(kind="tcp", host="10.0.0.2", tcp_port=4001), "display": Display(port=1)},
        {"reader": Reader(kind="vendor", library="/x.so", library_port=3)},
        {"printer": Printer(kind="serial", device="/dev/x", baud=19_200, flow=True, template="t")},
        {"scanner": (Scanner(port="/a", prefix='"~\\'), Scanner(kind="keyboard", port="/b"))},
        {
            "barrier": Barrier(kind="frames", port="/c", direction="both"),
            "delays": Delays(hold_s=2),
        },
        {"led": Led(kind="listen", tcp_port=1), "offline": Offline(enabled=False)},
    ],
)
def test_every_table(changes: dict[str, object], tmp_path: Path) -> None:
    config = msgspec.structs.replace(PLAIN, **changes)
    assert back(config, tmp_path) == config


@given(port=PATHS, prefix=TEXTS, suffix=TEXTS, host=TEXTS)
def test_any_text(tmp_path_factory, port: str, prefix: str, suffix: str, host: str) -> None:
    scanner = Scanner(port=port, prefix=prefix, suffix=suffix)
    config = msgspec.structs.replace(PLAIN, scanner=(scanner,), printer=Printer(host=host))
    assert back(config, tmp_path_factory.getbasetemp()) == config


def test_what_is_as_shipped_is_left_out() -> None:
    assert config_text(PLAIN) == (
        'centre = "https://t.example"\ngate_id = 1\ndata_dir = "data"\n'
        '\n[reader]\nkind = "serial"\nport = "/dev/ttyUSB0"\n'
    )
