"""Enrolling this computer at the centre, with a one-time code."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from menpiao.compose.setup.console import Console
from menpiao.compose.terminal import trust_of
from menpiao.terminals.gate.config import GateConfig, beside, is_address
from menpiao.terminals.parts.link.enrol import EnrolmentError, enrol
from menpiao.terminals.parts.link.identity import load_identity
from menpiao.wire.check import Enrolled


@dataclass(frozen=True, slots=True)
class Place:
    """Where this lane belongs. ``device`` 0: not enrolled yet; ``fresh``: enrolled just now."""

    centre: str
    gate_id: int
    authority_file: str = ""
    device: int = 0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says about the centre; "" where it says nothing."""

    centre: str = ""
    code: str = ""
    authority_file: str = ""


async def find_place(
    console: Console, old: GateConfig | None, key_path: Path, file: Path, asked: Asked
) -> Place:
    """Enrol, or keep what there is; ``file`` is the configuration, whose folder has the others.

    Raises:
        IdentityError: there is a key file that cannot be used.
        OSError: the key file cannot be written.
    """
    centre, code = asked.centre, asked.code
    console.line()
    console.say("enrol_head")
    device = _device_of(key_path)
    if device:
        console.say("enrolled_already", device=device)
        anew = bool(code) or await console.yes("enrol_anew", default=old is None)
        if not anew:
            return Place(
                centre or (old.centre if old else await _centre(console, "")),
                old.gate_id if old else await _gate_number(console),
                old.authority_file if old else "",
                device,
            )
    authority = _absolute(asked.authority_file) or (old.authority_file if old else "")
    centre = centre or await _centre(console, old.centre if old else "")
    while True:
        if centre.startswith("https:"):
            named = await console.ask("authority", authority)
            authority = authority if named == authority else _absolute(named)
        code = code or await console.ask("code")
        if not code:
            return Place(centre, old.gate_id if old else await _gate_number(console), authority)
        try:
            tls = await asyncio.to_thread(_trust, centre, beside(file, authority))
            enrolled = await asyncio.to_thread(enrol, centre, code, key_path, tls=tls)
        except (EnrolmentError, _NoAuthority) as error:
            console.say("enrol_failed", error=error)
            if console.assume:
                return Place(centre, old.gate_id if old else 1, authority)
            code = ""
            centre = await _centre(console, centre)
            continue
        gates = ", ".join(f"{gate.name} ({gate.id})" for gate in enrolled.gates)
        console.say("enrolled", site=enrolled.site, device=enrolled.device_id, gates=gates)
        gate_id = await _gate_of(console, enrolled)
        return Place(centre, gate_id, authority, enrolled.device_id, fresh=True)


def _device_of(key_path: Path) -> int:
    return load_identity(key_path).device_id if key_path.exists() else 0


def _absolute(name: str) -> str:
    """A file as it is named on the command line or at the terminal: from the present folder."""
    return str(Path(name).absolute()) if name else ""


class _NoAuthority(Exception):
    """The file of authorities cannot be used."""


def _trust(centre: str, authority_file: str) -> ssl.SSLContext | None:
    try:
        return trust_of(centre, authority_file)
    except OSError as error:  # also what is wrong inside the file
        raise _NoAuthority(f"{authority_file}: {error}") from error


async def _centre(console: Console, default: str) -> str:
    while True:
        address = (await console.ask("centre", default)).rstrip("/")
        if is_address(address):
            return address
        console.say("centre_bad")


async def _gate_of(console: Console, enrolled: Enrolled) -> int:
    gates = enrolled.gates
    if not gates:
        return await _gate_number(console)
    if len(gates) == 1:
        return gates[0].id
    options = [(str(number), gate.name, gate.id) for number, gate in enumerate(gates, 1)]
    return await console.pick("which_gate", options, "1")


async def _gate_number(console: Console) -> int:
    while True:
        with contextlib.suppress(ValueError):
            number = int(await console.ask("gate_number", "1"))
            if number > 0:
                return number
        console.say("not_a_number")
