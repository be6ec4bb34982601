"""A lane from nothing to its first visitor, against a real centre and devices that speak bytes."""

import asyncio
import hashlib
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.centre.check.stage import Stage
from tests.compose.setup.technician import Technician
from tests.support_db import FreshDatabase, person
from tests.support_ports import free_port
from tests.terminals.gate.test_command import until_shown

from menpiao.simulation.cards import RESIDENT, resident
from menpiao.simulation.line import SimulatedLine
from menpiao.simulation.modbus import SimulatedModbusTcp
from menpiao.simulation.printer import SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.scanner import SimulatedScanner
from menpiao.terminals.gate.config import load_config
from menpiao.terminals.parts.link.identity import load_identity

CODE = "ABCD1234EFGH"


@pytest.fixture
def database(tmp_path):
    fresh = FreshDatabase(tmp_path)
    yield fresh
    fresh.drop()


async def planted_code(stage: Stage) -> None:
    code = await stage.pool.fetchval(
        "INSERT INTO enrolment_code (site_id, code_hash, expires_at) VALUES ($1, $2, $3)"
        " RETURNING id",
        stage.park.site,
        hashlib.sha256(f"menpiao-enrol:{CODE}".encode()).digest(),
        datetime.now(UTC) + timedelta(hours=1),
    )
    await stage.pool.execute(
        "INSERT INTO enrolment_code_gates (enrolmentcode_id, gate_id) VALUES ($1, $2)",
        code,
        stage.park.gate,
    )


def test_from_nothing_to_the_first_visitor(database, tmp_path: Path) -> None:
    file = tmp_path / "lane" / "gate.toml"

    async def main() -> None:
        lit = bytearray()
        led = SimulatedLine(lit.extend)
        led.plug()
        async with (
            Stage(database, people=1) as stage,
            SimulatedReader(only_at=19_200) as reader,
            SimulatedScanner(prefix=b"~", suffix=b"\r\n") as scanner,
            SimulatedPrinter() as printer,
            SimulatedModbusTcp() as board,
        ):
            await planted_code(stage)
            at_printer, at_board = ("{}:{}".format(*one.address) for one in (printer, board))
            look = (reader.port, scanner.port, at_printer, at_board)
            async with Technician(file, look=look) as technician:
                await technician.sees("[4/4]")
                found = await technician.sees("—— 身份证阅读器")
                assert f"{reader.port} · 19200  〔确定〕安全模块应答，编号 05.03-" in found
                assert f"小票打印机  {at_printer}  〔确定〕" in found
                assert f"闸机  {at_board}  〔确定〕应答 Modbus" in found
                assert f"未识别的串口  {scanner.port}" in found
                assert not printer.count
                assert not board.board.writes

                await tries_the_reader(technician, reader)
                await tries_printer_and_scanner(technician, printer, scanner)
                await tries_the_barrier(technician, board)
                await technician.dialogue(
                    ("选择LED 屏 [s]", "t"),
                    ("地址：", str(led.path)),
                    ("屏上显示正确吗", "y"),
                )
                assert "门票测试".encode("gb2312") in lit
                await enrols(technician, stage)
                await technician.sees("配置已由检票程序的读取部分验证")
                await technician.sees(f"menpiao gate {file}")
                assert await technician.ends() == 0
                assert RESIDENT_NUMBER not in technician.transcript

            config = load_config(file)
            assert (config.gate_id, config.reader.port) == (stage.park.gate, reader.port)
            assert (config.scanner[0].prefix, config.scanner[0].port) == ("~", scanner.port)
            assert (config.barrier.kind, config.barrier.direction) == ("modbus_tcp", "in")
            assert config.led.port == str(led.path)
            has_one_private_file(file)
            await first_visitor(file, reader, printer, board)
        led.clean()

    asyncio.run(main())


async def tries_the_reader(technician: Technician, reader: SimulatedReader) -> None:
    await technician.dialogue(("选择身份证阅读器 [1]", ""))
    await technician.sees("请在")
    reader.lay(RESIDENT)
    card = await technician.sees("是这张证件吗")
    assert "读到：" in card
    technician.says("y")


async def tries_printer_and_scanner(
    technician: Technician, printer: SimulatedPrinter, scanner: SimulatedScanner
) -> None:
    await technician.dialogue(("选择小票打印机 [1]", ""))
    slip = await printer.wait_for_job(20)
    assert "试验小票" in slip.lines
    assert slip.codes == ["MENPIAO-SETUP-TEST"]
    assert not slip.unknown
    await technician.dialogue(("二维码都对吗", "y"), ("选择扫码器 [l]", ""))
    await technician.sees("请扫一个码")
    scanner.show("MENPIAO-SETUP-TEST")
    await technician.sees("正是试印小票上的码")
    await technician.dialogue(("还有扫码器", "n"))


async def tries_the_barrier(technician: Technician, board: SimulatedModbusTcp) -> None:
    await technician.dialogue(("选择闸机 [1]", ""), ("现在开闸", "y"))
    await technician.sees("请从通道走过一次")
    assert board.turnstile.walk()
    await technician.sees("看到有人通过")
    await technician.dialogue(("闸机打开了吗？ [n]", "y"), ("通行方向", "1"))


async def enrols(technician: Technician, stage: Stage) -> None:
    """At the second attempt."""
    await technician.dialogue(
        ("票务中心地址", f"http://127.0.0.1:{stage.port}"), ("一次性登记码", "WRONG-CODE-11")
    )
    await technician.sees("没有登记：")
    await technician.dialogue(("票务中心地址", ""), ("一次性登记码", "abcd-1234-efgh"))
    await technician.sees("已登记：")


def has_one_private_file(file: Path) -> None:
    key = load_config(file).key_path
    assert load_identity(key).device_id
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["gate.toml"]
    assert file.stat().st_mode & 0o777 == key.stat().st_mode & 0o777 == 0o600
    assert CODE not in file.read_text()


RESIDENT_NUMBER = RESIDENT.text.decode("utf-16-le")[61:79]
assert RESIDENT_NUMBER[:17].isdecimal()


def with_a_screen(file: Path) -> int:
    port = free_port()
    file.write_text(f"{file.read_text()}\n[display]\nport = {port}\n")
    assert load_config(file).display.port == port
    return port


async def first_visitor(file: Path, reader, printer, board) -> None:
    """The lane, started with the file as it was written (but for the screen's port)."""
    port = with_a_screen(file)
    reader.lift()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "menpiao", "gate", str(file), stderr=subprocess.DEVNULL
    )
    try:
        await until_shown(port, "请刷身份证")
        printed = printer.count
        reader.lay(resident(person(1), "李样例"))
        await until_shown(port, "请通行")
        async with asyncio.timeout(10):
            while not board.turnstile.walk():  # noqa: ASYNC110 - somebody pushes the arm
                await asyncio.sleep(0.05)
        slip = await printer.wait_for_job(20, after=printed)
        assert any("李**" in line for line in slip.lines)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 15)
