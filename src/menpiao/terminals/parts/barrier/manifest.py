"""The drivers of this part, as data for set-up pages and documents."""

from __future__ import annotations

from typing import Final

from menpiao.terminals.manifest import DriverManifest, Grade, Trial

_BARRIER: Final = "menpiao.terminals.parts.barrier"
_TESTS: Final = "terminals/parts/barrier"

MANIFESTS: Final = (
    DriverManifest(
        driver="lcus",
        entry=f"{_BARRIER}.lcus:LcusBoard",
        title_zh="USB 继电器（LCUS，干接点）",
        title_en="USB relay (LCUS, dry contact)",
        transports=("serial",),
        abilities=("open", "hold_open"),
        trials=(
            Trial("frames", Grade.DOCUMENTED, f"{_TESTS}/test_lcus.py"),
            Trial("pulse, guard, replug, pairing", Grade.SIMULATED, f"{_TESTS}/test_lcus.py"),
        ),
        unconfirmed=("the pulse a given gate wants (0.3 to 1 s seen)",),
        twin="menpiao.simulation.barrier:SimulatedLcus",
    ),
    DriverManifest(
        driver="modbus",
        entry=f"{_BARRIER}.modbus:ModbusBoard",
        title_zh="Modbus 继电器与输入板（RTU / TCP）",
        title_en="Modbus relay and input board (RTU / TCP)",
        transports=("serial", "tcp_connect"),
        abilities=("open", "hold_open", "acknowledge", "count", "alarm"),
        trials=(
            Trial("frames", Grade.DOCUMENTED, f"{_TESTS}/test_modbus.py"),
            Trial(
                "opening, passages, alarm, loss: pymodbus' server",
                Grade.INDEPENDENT,
                f"{_TESTS}/test_modbus.py",
            ),
        ),
        unconfirmed=("which input is which is the installer's wiring",),
        extra="terminal-modbus",
        twin="menpiao.simulation.modbus:SimulatedModbusTcp",
    ),
    DriverManifest(
        driver="frames",
        entry=f"{_BARRIER}.frame_board:FrameBoard",
        title_zh="帧模板闸机板（RS485 等）",
        title_en="Boards by frame templates (RS485 and others)",
        transports=("serial", "tcp_connect", "tcp_listen"),
        abilities=("open", "hold_open", "close", "count", "totals", "exit"),
        trials=(
            Trial("frames and status", Grade.DOCUMENTED, f"{_TESTS}/test_rs485.py"),
            Trial("passages, a converter", Grade.SIMULATED, f"{_TESTS}/test_rs485.py"),
            Trial("power cuts, counters", Grade.SIMULATED, f"{_TESTS}/test_power_cut.py"),
            Trial("unplugged, silent", Grade.SIMULATED, f"{_TESTS}/test_unplugged.py"),
            Trial("a jammed arm", Grade.SIMULATED, f"{_TESTS}/test_jam.py"),
        ),
        unconfirmed=(
            "the whole profile rs485_turnstile comes from one program",
            "whether two orders to open add up",
        ),
        twin="menpiao.simulation.barrier:SimulatedRs485",
    ),
)
