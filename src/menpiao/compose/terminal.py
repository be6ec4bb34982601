"""The terminals, put together: which drivers a lane's configuration means."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Coroutine
from datetime import timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from menpiao.compose import logs
from menpiao.compose.devices import (
    led_of,
    passport_reader_of,
    printer_of,
    reader_of,
    scanner_of,
)
from menpiao.compose.heap import keep_loaded
from menpiao.compose.lane import barrier_of
from menpiao.compose.watchdog import watched
from menpiao.terminals.counter.agent import CounterAgent, CounterParts
from menpiao.terminals.counter.config import (
    CounterConfig,
    CounterConfigError,
    load_counter_config,
)
from menpiao.terminals.gate.config import (
    ConfigError,
    GateConfig,
    Staff,
    load_config,
    load_hub_config,
    new_config,
    new_hub_config,
)
from menpiao.terminals.gate.offline.hub import HubParts, run_hub
from menpiao.terminals.gate.program import GateParts, run_gate
from menpiao.terminals.gate.slips import MakeSlip
from menpiao.terminals.gate.staff.desk import Desk
from menpiao.terminals.gate.staff.panel import StaffPanel
from menpiao.terminals.parts.display.kiosk import KioskDisplay
from menpiao.terminals.parts.display.several import SeveralDisplays
from menpiao.terminals.parts.link.enrol import EnrolmentError, enrol
from menpiao.terminals.parts.link.errands import HttpErrands
from menpiao.terminals.parts.link.identity import IdentityError
from menpiao.terminals.parts.link.keyring import Keyring
from menpiao.terminals.parts.link.websocket import WebSocketLink
from menpiao.terminals.parts.printer.base import Slip
from menpiao.terminals.parts.printer.slips import ADMISSION_FACTS, AdmissionFacts, admission_slip
from menpiao.terminals.parts.printer.templates import Template, TemplateError
from menpiao.terminals.parts.printer.templates import load as load_template
from menpiao.wire.check import Answer, Enrolled

READER_PORT = "/dev/ttyUSB0"
SETUP_ERRORS = (ConfigError, CounterConfigError, EnrolmentError, IdentityError, OSError)
"""What is wrong with a terminal's set-up: the text is for whoever sets it up."""


def gate_parts(config: GateConfig, screen: KioskDisplay | None = None) -> GateParts:
    """The parts that a configuration names.

    Raises:
        IdentityError: this terminal is not enrolled, or its key file cannot be used.
        OSError: the file of authorities cannot be read.
        ConfigError: a device cannot be what it is said to be.
    """
    screen = screen or _screen(config)
    led = led_of(config.led)
    identity = Keyring(config.key_path)
    tls = trust_of(config.centre, config.authority_file)
    software = f"menpiao {version('menpiao')}"
    hub = None
    if config.hub:
        trust = trust_of(config.hub, config.authority_file)
        hub = WebSocketLink(config.hub, identity, tls=trust, software=software)
    parts = GateParts(
        reader=reader_of(config.reader, early=True),
        link=WebSocketLink(config.centre, identity, tls=tls, software=software),
        errands=HttpErrands(config.centre, identity, tls=tls) if config.offline.enabled else None,
        hub=hub,
        keys=identity,
        lines=logs.last_lines,
        display=screen if led is None else SeveralDisplays(screen, led),
        make_slip=_slips_of(config),
        printer=printer_of(config.printer),
        scanners=tuple(scanner_of(one) for one in config.scanner if one.reads == "codes"),
        passport_readers=tuple(
            passport_reader_of(one) for one in config.scanner if one.reads == "mrz"
        ),
        barrier=barrier_of(config.barrier, config.counters_path),
        panel=_panel_of(config.staff),
        panel_errands=HttpErrands(config.centre, identity, tls=tls, timeout_s=4.0),
    )
    screen.health = lambda: _health(parts)
    return parts


def _health(parts: GateParts) -> dict[str, object]:
    """How a lane's parts are by their own account; what a lane does not have is left out."""
    told: dict[str, object] = {"reader": parts.reader.state.value, "link": parts.link.state.value}
    # By what it tells, not by its class: that would load the drawing into every lane.
    problems: tuple[str, ...] | None = getattr(parts.printer, "problems", None)
    if problems is not None:
        told["printer"] = problems
    if parts.barrier is not None:
        told["barrier"] = parts.barrier.state.value
    if parts.hub is not None:
        told["hub"] = parts.hub.state.value
    scanners = [s.state.value for s in parts.scanners]
    scanners += [reader.state.value for reader in parts.passport_readers]
    return told | ({"scanners": scanners} if scanners else {})


def _panel_of(table: Staff) -> StaffPanel | None:
    """The staff panel; None: there is none."""
    if not table.port:
        return None
    desk = Desk()
    tls = _shows(table.certificate_file, table.certificate_key_file)
    return StaffPanel(table.host, table.port, desk, tls=tls, lock_after_s=table.lock_after_s)


def _shows(certificate: str, key: str) -> ssl.SSLContext | None:
    """The certificate that others are shown; None: none, so no TLS."""
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key or None)
    return context


def _slips_of(config: GateConfig) -> MakeSlip:
    """The shipped slip, or the site's own."""
    if not config.printer.template:
        return answer_slip
    try:
        template = load_template(Path(config.printer.template), ADMISSION_FACTS)
    except TemplateError as error:
        raise ConfigError(f"[printer] {error}") from error
    return lambda answer, site: answer_slip(answer, site, template)


def answer_slip(answer: Answer, site: str, template: Template | None = None) -> Slip:
    """The slip of an admission, in the site's own time."""
    zone = timezone(timedelta(seconds=answer.utc_offset_s))
    return admission_slip(
        AdmissionFacts(
            site=site,
            status=answer.zh,
            people=answer.people,
            ticket_number=answer.ticket_no,
            checked_at=answer.at.astimezone(zone),
            place=answer.place,
            holder_masked=answer.holder,
        ),
        template=template,
    )


def _screen(config: GateConfig) -> KioskDisplay:
    clips = Path(config.display.clips) if config.display.clips else None
    return KioskDisplay(config.display.port, clips=clips)


def run_gate_from_config(path: Path) -> None:
    """Run one lane until the process is told to end; raises what `gate_parts` raises."""
    config = load_config(path)
    screen = _screen(config)
    parts = gate_parts(config, screen)
    keep_loaded()
    asyncio.run(_until_told(watched(run_gate(config, parts), screen.ready)))


def counter_agent(config: CounterConfig) -> CounterAgent:
    """The agent of a counter with the parts that its configuration names."""
    if config.scanner is not None and config.scanner.reads != "codes":
        raise ConfigError("[scanner] a counter takes codes: reads = 'codes'")
    parts = CounterParts(
        reader=reader_of(config.reader),
        printer=printer_of(config.printer),
        scanner=scanner_of(config.scanner) if config.scanner else None,
    )
    return CounterAgent(config.port, config.origins, parts)


def run_counter_from_config(path: Path) -> None:
    """Run a counter's agent until the process is told to end."""
    config = load_counter_config(path)
    asyncio.run(_until_told(counter_agent(config).run()))


def run_hub_from_config(path: Path) -> None:
    """Run a site's hub until the process is told to end; raises one of `SETUP_ERRORS`."""
    config = load_hub_config(path)
    identity = Keyring(config.key_path)
    tls = trust_of(config.centre, config.authority_file)
    listens = _shows(config.certificate_file, config.certificate_key_file)
    software = f"menpiao {version('menpiao')} hub"
    parts = HubParts(
        WebSocketLink(config.centre, identity, tls=tls, software=software),
        HttpErrands(config.centre, identity, tls=tls),
        listens,
        identity,
        logs.last_lines,
    )
    keep_loaded()
    asyncio.run(_until_told(run_hub(config, parts)))


def enrol_hub(centre: str, code: str, config_path: Path, *, authority_file: str = "") -> Enrolled:
    """Enrol this computer as a site's hub; writes the configuration if there is none yet.

    Raises what `enrol_gate` raises.
    """
    if config_path.exists():
        config = load_hub_config(config_path)
        key_path, authority_file = config.key_path, authority_file or config.authority_file
    else:
        key_path = config_path.absolute().parent / "hub-data" / "hub-key.json"
    enrolled = enrol(centre, code, key_path, tls=trust_of(centre, authority_file))
    if not config_path.exists():
        config_path.parent.mkdir(parents=True, exist_ok=True)
        trusted = str(Path(authority_file).absolute()) if authority_file else ""
        config_path.write_text(new_hub_config(centre, trusted), encoding="utf-8")
    return enrolled


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await task
        except ExceptionGroup as group:
            ours, others = group.split(OSError)
            if ours is None or others is not None:
                raise
            # A port that is taken, most likely: said in one line instead of a group of tracebacks.
            first: BaseException = ours
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise OSError(str(first)) from group


def enrol_gate(
    centre: str,
    code: str,
    config_path: Path,
    *,
    reader_port: str = READER_PORT,
    authority_file: str = "",
) -> Enrolled:
    """Enrol this computer as a lane; writes the configuration if there is none yet.

    Raises:
        EnrolmentError: the centre cannot be reached, or refuses.
        IdentityError: there is a key file that cannot be used.
        ConfigError: there is a configuration that cannot be used.
        OSError: a file cannot be written.
    """
    if config_path.exists():
        config = load_config(config_path)
        key_path, authority_file = config.key_path, authority_file or config.authority_file
    else:
        key_path = config_path.absolute().parent / "gate-data" / "gate-key.json"
    enrolled = enrol(centre, code, key_path, tls=trust_of(centre, authority_file))
    if not config_path.exists():
        gate_id = enrolled.gates[0].id if enrolled.gates else 1
        config_path.parent.mkdir(parents=True, exist_ok=True)
        trusted = str(Path(authority_file).absolute()) if authority_file else ""
        text = new_config(centre, gate_id, reader_port, trusted)
        config_path.write_text(text, encoding="utf-8")
    return enrolled


def trust_of(centre: str, authority_file: str) -> ssl.SSLContext | None:
    """The authorities for the centre's certificate; None: the system's, or no TLS at all."""
    if not authority_file or not centre.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=authority_file)
