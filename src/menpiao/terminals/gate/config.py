"""What one lane is told from outside: a TOML file, read once at start."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from menpiao.terminals.devices import Led, Port, Reader, Scanner, own_file
from menpiao.terminals.devices import Printer as AnyPrinter
from menpiao.terminals.devices import Table as _Table

Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]


class ConfigError(ValueError):
    """The configuration cannot be used; the message says which key, and what was expected."""


class Barrier(_Table, frozen=True):
    """What opens: ``kind`` none, lcus, modbus_rtu, modbus_tcp, or frames (with a ``profile``).

    ``port`` is a serial port; ``host`` and ``tcp_port`` are a board or converter on the network.
    ``direction``: the way that people walk here; a passage the other way is reported as reverse.
    """

    kind: Literal["none", "lcus", "modbus_rtu", "modbus_tcp", "frames"] = "none"
    port: str = ""
    host: str = ""
    tcp_port: Port = 502
    profile: str = "rs485_turnstile"
    direction: Literal["in", "out", "both"] = "in"


class Printer(AnyPrinter, frozen=True):
    """The slip printer (305); ``template``: the site's own slip, beside the configuration."""

    template: str = ""


class Staff(_Table, frozen=True):
    """The staff panel; ``port`` 0: there is none.

    On another address than this computer's own it needs a certificate: PINs and document numbers
    cross the network. ``lock_after_s``: a session that nobody uses ends.
    """

    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    host: str = "127.0.0.1"
    certificate_file: str = ""
    """PEM certificate chain shown to phones and tablets."""
    certificate_key_file: str = ""
    lock_after_s: Annotated[float, msgspec.Meta(ge=15, le=1800)] = 120.0


class Display(_Table, frozen=True):
    """The lane screen (304), served on this computer alone.

    ``clips``: the folder of recorded voices, beside the configuration; without it there are tones.
    """

    port: Port = 8750
    clips: str = ""


class Delays(_Table, frozen=True):
    """Every delay of the controller, in seconds."""

    hold_s: Seconds = 3.0
    """How long an answer stays on the screen while nobody follows."""
    least_show_s: Seconds = 0.6
    """How long an answer stays when the next visitor's answer is there already."""
    ask_timeout_s: Seconds = 1.2
    """From the ask to the manual lane."""
    checking_after_s: Seconds = 0.25
    """An ask that takes longer than this is shown as being checked."""
    same_card_s: Seconds = 1.0
    """A card reported again within this time after its answer is the same presentation."""
    repeat_nonce_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 300.0
    """How long an unanswered card is asked for again under its first nonce."""
    journal_s: Seconds = 2.0
    """For one write to the journal, before the disk is taken for broken."""
    pass_within_s: Seconds = 8.0
    """For each person to walk through after the barrier has opened."""
    notice_s: Seconds = 10.0
    """How long what the staff say by the command ``show`` stands, unless a card is laid."""
    probe_s: Seconds = 5.0
    """Between two looks whether a broken journal works again."""


class Offline(_Table, frozen=True):
    """What a lane does without the centre."""

    enabled: bool = True
    """Keep the day bundle and decide on it; otherwise visitors go to the staffed lane."""
    answer_within_s: Annotated[float, msgspec.Meta(ge=0.05, le=5)] = 0.25
    """For the centre's answer to a visitor at the reader, before the lane decides itself."""
    oldest_s: Annotated[float, msgspec.Meta(ge=1, le=172_800)] = 43_200.0
    """Data that is older is not decided on."""
    check_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 120.0
    """Between two looks whether the rules have changed at the centre."""


class GateConfig(_Table, frozen=True):
    """One lane. ``centre`` is the base address of the ticket centre, ``hub`` of the site's hub."""

    centre: str
    gate_id: Annotated[int, msgspec.Meta(ge=1)]
    reader: Reader
    hub: str = ""
    data_dir: Path = Path("data")
    key_file: str = "gate-key.json"
    """Relative to ``data_dir`` unless absolute."""
    authority_file: str = ""
    """PEM certificates to trust for the centre instead of the system's."""
    printer: Printer = Printer()
    display: Display = Display()
    led: Led = Led()
    staff: Staff = Staff()
    scanner: tuple[Scanner, ...] = ()
    barrier: Barrier = Barrier()
    delays: Delays = Delays()
    offline: Offline = Offline()

    @property
    def key_path(self) -> Path:
        """The file of this terminal's key."""
        return self.data_dir / self.key_file

    @property
    def counters_path(self) -> Path:
        """The file of the barrier's counters as they were last seen."""
        return self.data_dir / "barrier.json"

    @property
    def pushed_path(self) -> Path:
        """The file of what the centre has set over this configuration."""
        return self.data_dir / "pushed.json"

    @property
    def journal_path(self) -> Path:
        """The file of the lane's journal."""
        return self.data_dir / "journal.sqlite3"

    @property
    def offline_dir(self) -> Path:
        """The folder of bundles and of what was decided without the centre."""
        return self.data_dir / "offline"


class HubConfig(_Table, frozen=True):
    """The hub of a site, on its own network. ``centre`` is the base address of the centre."""

    centre: str
    host: str = "0.0.0.0"  # noqa: S104 - its lanes are other computers
    port: Port = 8760
    data_dir: Path = Path("data")
    key_file: str = "hub-key.json"
    """Relative to ``data_dir`` unless absolute."""
    authority_file: str = ""
    """PEM certificates to trust for the centre instead of the system's."""
    certificate_file: str = ""
    """PEM certificate chain shown to lanes; empty: they connect without TLS."""
    certificate_key_file: str = ""
    pass_on_within_s: Annotated[float, msgspec.Meta(ge=0.02, le=5)] = 0.08
    """For the centre's answer to what a lane asks; a lane waits 0.125 s for the hub."""
    offline: Offline = Offline()

    @property
    def key_path(self) -> Path:
        """The file of this terminal's key."""
        return self.data_dir / self.key_file

    @property
    def pushed_path(self) -> Path:
        """The file of what the centre has set over this configuration."""
        return self.data_dir / "pushed.json"

    @property
    def offline_dir(self) -> Path:
        """The folder of bundles and of what was decided without the centre."""
        return self.data_dir / "offline"


def _path(kind: type[Any], value: object) -> object:
    return kind(value) if kind is Path else value


def load_config(path: Path) -> GateConfig:
    """Read a lane's configuration; relative files begin at the file's folder.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or has a wrong value.
    """
    config, folder = read_config(path), _folder(path)
    printer = config.printer
    return msgspec.structs.replace(
        config,
        data_dir=folder / config.data_dir,
        authority_file=beside(path, config.authority_file),
        printer=msgspec.structs.replace(
            printer,
            template=beside(path, printer.template),
            profile=own_file(folder, printer.profile),
        ),
        display=msgspec.structs.replace(config.display, clips=beside(path, config.display.clips)),
        led=msgspec.structs.replace(config.led, profile=own_file(folder, config.led.profile)),
    )


def read_config(path: Path) -> GateConfig:
    """A lane's configuration with its relative paths as they are written.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or has a wrong value.
    """
    config = _read(path, GateConfig)
    _check_address(path, "centre", config.centre)
    if config.hub:
        _check_address(path, "hub", config.hub)
    here = config.staff.host in {"127.0.0.1", "localhost", "::1"}
    if config.staff.port and not here and not config.staff.certificate_file:
        raise ConfigError(f"{path}: [staff] host = {config.staff.host!r} needs a certificate_file")
    return config


def load_hub_config(path: Path) -> HubConfig:
    """Read a hub's configuration; relative files begin at the file's folder.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or has a wrong value.
    """
    config = _read(path, HubConfig)
    _check_address(path, "centre", config.centre)
    return msgspec.structs.replace(
        config,
        data_dir=_folder(path) / config.data_dir,
        authority_file=beside(path, config.authority_file),
        certificate_file=beside(path, config.certificate_file),
        certificate_key_file=beside(path, config.certificate_key_file),
    )


_Config = TypeVar("_Config", GateConfig, HubConfig)


def _read(path: Path, kind: type[_Config]) -> _Config:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(raw, kind, dec_hook=_path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def _folder(path: Path) -> Path:
    return Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow links


def beside(path: Path, name: str) -> str:
    """A file that a configuration names: relative to the folder of the configuration."""
    return str(_folder(path) / name) if name else ""


def _check_address(path: Path, name: str, address: str) -> None:
    if not is_address(address):
        raise ConfigError(f"{path}: {name} must begin with https:// or http://")


def is_address(address: str) -> bool:
    """Whether this can be the address of a centre or a hub."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as an address in brackets that are not closed
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def new_hub_config(centre: str, authority_file: str = "") -> str:
    """The text of a hub's first configuration."""
    quoted = msgspec.json.encode(centre).decode()
    return (
        f"centre = {quoted}\n"
        f"{_trusting(authority_file)}"
        'data_dir = "hub-data"\n'
        "port = 8760\n"
        'certificate_file = ""  # empty: lanes connect without TLS\n'
        'certificate_key_file = ""\n'
    )


def _trusting(authority_file: str) -> str:
    quoted = msgspec.json.encode(authority_file).decode()
    return f"authority_file = {quoted}\n" if authority_file else ""


def new_config(centre: str, gate_id: int, reader_port: str, authority_file: str = "") -> str:
    """The text of a first configuration."""
    quoted = [msgspec.json.encode(text).decode() for text in (centre, reader_port)]
    return (
        f"centre = {quoted[0]}\n"
        f"gate_id = {gate_id}\n"
        f"{_trusting(authority_file)}"
        'data_dir = "gate-data"\n'
        "\n[reader]\n"
        f"port = {quoted[1]}\n"
        "\n[printer]\n"
        'host = ""  # empty: no slips\n'
        "port = 9100\n"
        'profile = "generic-80"\n'
        "\n[display]\n"
        "port = 8750\n"
        "\n[barrier]\n"
        'kind = "none"  # lcus, modbus_rtu, modbus_tcp, frames\n'
    )
