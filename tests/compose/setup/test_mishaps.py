"""What goes wrong while a lane is set up: the file is right all the same, or is not touched."""

import asyncio
import os
import random
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.compose.setup.technician import Technician
from tests.support_serve import environment_of, menpiao
from tests.terminals.gate.test_command import MENPIAO
from tests.terminals.parts.link.centre import Centre

from menpiao.simulation.barrier import SimulatedLcus, SimulatedRs485
from menpiao.simulation.cards import RESIDENT
from menpiao.simulation.line import SimulatedLine
from menpiao.simulation.printer import Fault, SimulatedPrinter
from menpiao.simulation.reader import SimulatedReader
from menpiao.simulation.scanner import SimulatedScanner
from menpiao.terminals.gate.config import load_config

CENTRE = ("--centre", "http://127.0.0.1:9")
NOTHING_MORE = (
    ("小票打印机 [s]", ""),
    ("扫码器 [s]", ""),
    ("闸机 [s]", ""),
    ("LED 屏 [s]", ""),
)
NOT_ENROLLED = (("登记码", ""), ("检票口编号", ""))


@asynccontextmanager
async def a_line(answer=lambda _: b"") -> AsyncIterator[tuple[str, bytearray]]:
    """A device's port, and what it was sent; `answer` says what it says to that."""
    heard = bytearray()

    def receive(data: bytes) -> None:
        heard.extend(data)
        line.write(answer(data))

    line = SimulatedLine(receive)
    line.plug()
    try:
        yield str(line.path), heard
    finally:
        line.clean()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_found(tmp_path: Path) -> None:
    """In English; the file is written, says which port, and the end says what is missing."""

    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with Technician(file, *CENTRE, look=("/dev/menpiao-none",), lang="en") as one:
            await one.sees("/dev/menpiao-none: is not there")
            await one.sees("No device was found")
            await one.dialogue(("Look again? [n]", "y"), ("Look again? [n]", ""))
            for part in ("ID-card reader", "slip printer", "scanner", "barrier", "LED line"):
                await one.dialogue((f"Which {part} [s]", ""))
            await one.dialogue(("One-time code", ""), ("The gate's number", "0"))
            await one.dialogue(("The gate's number", "7"))
            await one.sees("No reader: the file names /dev/ttyUSB0")
            await one.sees("--enrol CODE")
            assert await one.ends() == 1
        config = load_config(file)
        assert (config.gate_id, config.reader.port) == (7, "/dev/ttyUSB0")
        assert files(tmp_path) == ["gate.toml"]

    asyncio.run(main())


def test_two_readers_and_the_wrong_one_first(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedReader() as left, SimulatedReader(only_at=57_600) as right:
            options = (*CENTRE, "--wait", "1.5")
            async with Technician(file, *options, look=(left.port, right.port)) as one:
                found = await one.sees("选择身份证阅读器 [1]")
                assert found.count("安全模块应答") == 4  # listed, and offered
                one.says()
                await one.sees(f"请在 {left.port}")
                right.lay(RESIDENT)
                await one.sees("没有读到证件")
                await one.dialogue(("怎么办 [a]", "o"))
                await one.dialogue(("选择身份证阅读器 [1]", "2"))
                await one.dialogue(("是这张证件吗", "y"), *NOTHING_MORE, *NOT_ENROLLED)
                assert await one.ends() == 1
        assert load_config(file).reader.port == right.port

    asyncio.run(main())


def test_a_device_that_answers_garbage_is_nothing_known(tmp_path: Path) -> None:
    chance = random.Random(3)

    async def main() -> None:
        file = tmp_path / "gate.toml"
        garbage = a_line(lambda _: chance.randbytes(chance.randrange(1, 40)))
        one_byte = a_line(lambda _: b"\x12")  # a printer's answer, to each question
        loop = a_line(lambda data: data)
        async with garbage as (noisy, _), one_byte as (short, _), loop as (echo, _):
            look = (noisy, short, echo)
            async with Technician(file, *CENTRE, look=look) as one:
                found = await one.sees("—— 身份证")
                assert found.count("未识别的串口") == 3
                assert found.count("有应答但无法识别") == 6
                await one.sees("选择身份证阅读器 [s]")

    asyncio.run(main())


def test_a_barrier_that_did_not_open_is_not_written_down(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedRs485() as board, SimulatedLcus() as relay:
            look = (board.port, relay.port)
            async with Technician(file, *CENTRE, look=look) as one:
                await one.sees("RS485 闸机板")
                # The scan only asked for the counters.
                assert {frame[7] for frame in board.board.frames} == {0xFF}
                assert not relay.frames
                await one.dialogue(("阅读器 [s]", ""), ("打印机 [s]", ""), ("扫码器 [l]", "s"))
                await one.dialogue(("选择闸机 [1]", "1"), ("现在开闸", ""))
                board.turnstile.jammed = True
                await one.dialogue(("请从通道走过一次", ""))
                await one.sees("没有看到通过")
                await one.dialogue(("闸机打开了吗", "n"))
                failed = await one.sees("怎么办 [a]")
                assert "不写入配置" in failed
                assert "仍然采用" not in failed
                one.says("o")
                await one.dialogue(("选择闸机 [1]", "t"), ("地址", relay.port))
                drivers = await one.sees("选择驱动 [1]")
                assert "尚未在真实设备上试过" in drivers
                one.says("1")
                await one.dialogue(("现在开闸", "n"), ("怎么办 [a]", ""))
                assert (1, True) not in {(frame[1], bool(frame[2])) for frame in relay.frames}
                await one.dialogue(("现在开闸", "y"))
                await one.sees("命令已发出")
                assert any(frame[2] for frame in relay.frames)
                await one.dialogue(("闸机打开了吗", "n"), ("怎么办 [a]", "s"))
                assert relay.on == {1: False}
                await one.dialogue(("LED 屏 [s]", ""), *NOT_ENROLLED)
                assert await one.ends() == 1
        assert load_config(file).barrier.kind == "none"

    asyncio.run(main())


def test_a_slip_that_is_wrong_is_printed_with_another_profile(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedPrinter() as printer:
            place = "{}:{}".format(*printer.address)
            async with Technician(file, *CENTRE, look=(place,)) as one:
                await one.dialogue(("阅读器 [s]", ""))
                printer.fault = Fault.PAPER_OUT
                await one.dialogue(("打印机 [1]", ""))
                await one.sees("缺纸")
                printer.fault = Fault.NONE
                await one.dialogue(("怎么办 [a]", ""), ("二维码都对吗", "n"), ("怎么办 [a]", "p"))
                profiles = await one.sees("选择型号 [1]")
                one.says(re.search(r"(\d+)  drawn-58", profiles)[1])
                await one.dialogue(("二维码都对吗", "y"), *NOTHING_MORE[1:], *NOT_ENROLLED)
                assert await one.ends() == 1
            assert printer.count >= 2
        assert load_config(file).printer.profile == "drawn-58"

    asyncio.run(main())


def test_a_code_at_another_rate_is_scanned_once_more(tmp_path: Path) -> None:
    """And a keyboard that types the zone of a passport is a passport reader."""

    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedScanner() as codes, SimulatedScanner() as passports:
            look = (codes.port, f"keyboard:{passports.port}")
            async with Technician(file, *CENTRE, look=look) as one:
                await one.dialogue(("阅读器 [s]", ""), ("打印机 [s]", ""))
                options = await one.sees("选择扫码器 [l]")
                assert "键盘类设备" in options
                one.says()
                await one.sees("请扫一个码")
                codes.send(b"\x80\xff\x07\xfe\x00\xf8")
                await one.sees("换波特率 115200")
                await asyncio.sleep(0.3)  # the port is opened at the new rate
                codes.show("T0000000001")
                await one.sees("115200")
                heard = await one.sees("还有扫码器")
                assert "11 个字符，开头“T000”" in heard
                assert "T0000000001" not in one.transcript
                one.says("y")
                await one.dialogue(("选择扫码器 [s]", "1"))
                await one.sees("请扫一个码")
                passports.type("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\r")
                passports.type("L898902C36UTO7408122F1204159ZE184226B<<<<<10\r")
                await one.sees("护照机读码")
                await one.dialogue(("还有扫码器", ""), *NOTHING_MORE[2:], *NOT_ENROLLED)
                assert await one.ends() == 1
        first, second = load_config(file).scanner
        assert (first.port, first.baud, first.reads) == (codes.port, 115_200, "codes")
        assert (second.port, second.kind, second.reads) == (passports.port, "keyboard", "mrz")

    asyncio.run(main())


OLD = (
    '# by hand\ncentre = "http://127.0.0.1:9"\ngate_id = 4\nhub = "http://127.0.0.1:8"\n'
    'data_dir = "own"\n[reader]\nport = "{reader}"\n[printer]\nhost = "{host}"\nport = {port}\n'
    'template = "slip.toml"\n[delays]\nhold_s = 2.5\n[barrier]\nkind = "lcus"\nport = "/dev/x"\n'
)


def test_what_the_file_had_stays_and_a_backup_is_kept(tmp_path: Path) -> None:
    """Also without anybody to ask: a device still where it was keeps its settings."""

    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedReader() as reader, SimulatedPrinter() as printer:
            host, port = printer.address
            old = OLD.format(reader=reader.port, host=host, port=port)
            file.write_text(old)
            file.chmod(0o640)
            (tmp_path / "slip.toml").write_text('[[line]]\ntext = "OWN"\n')
            before = load_config(file)
            look = (reader.port, f"{host}:{port}")
            async with Technician(file, "--yes", look=look) as one:
                await one.sees("已有配置文件")
                await one.sees("原文件保留为")
                assert await one.ends() == 1
            assert not printer.count
        assert load_config(file) == before
        assert file.stat().st_mode & 0o777 == 0o640
        name, backup, template = files(tmp_path)
        assert (name, backup[-4:], template) == ("gate.toml", ".bak", "slip.toml")
        assert (tmp_path / backup).read_text() == old

    asyncio.run(main())


@pytest.mark.parametrize("how", ["control-c", "closed"])
@pytest.mark.parametrize("asked", ["[1/1]", "选择身份证阅读器", "请在", "一次性登记码"])
def test_an_end_in_between_leaves_the_file_as_it_was(tmp_path: Path, asked: str, how: str) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        file.write_text("what there was")
        async with SimulatedReader() as reader:
            async with Technician(file, *CENTRE, look=(reader.port,)) as one:
                if asked == "一次性登记码":
                    await one.dialogue(("选择身份证阅读器", "s"), *NOTHING_MORE)
                elif asked == "请在":
                    await one.dialogue(("选择身份证阅读器", ""))
                await one.sees(asked)
                if how == "control-c":
                    one.presses_control_c()
                    await one.sees("配置文件未改动")
                else:
                    one.process.send_signal(signal.SIGHUP)
                assert await one.ends() == 130
                assert "Traceback" not in one.transcript
            fd = os.open(reader.port, os.O_RDWR | os.O_NOCTTY)  # given free
            os.close(fd)
        assert files(tmp_path) == ["gate.toml"]
        assert file.read_text() == "what there was"

    asyncio.run(main())


def test_a_relay_is_off_after_an_end_in_the_middle_of_its_pulse(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedLcus() as relay:
            look = (relay.port,)
            async with Technician(file, *CENTRE, look=look) as one:
                await one.dialogue(("阅读器 [s]", ""), ("打印机 [s]", ""), ("扫码器 [l]", "s"))
                await one.dialogue(("闸机 [s]", "t"), ("地址", relay.port), ("驱动 [1]", ""))
                await one.dialogue(("现在开闸", ""))
                await one.sees("命令已发出")
                one.process.send_signal(signal.SIGTERM)
                assert await one.ends() == 130
                async with asyncio.timeout(5):
                    while relay.on.get(1, True):  # noqa: ASYNC110 - a plain attribute
                        await asyncio.sleep(0.01)
                assert any(frame[2] for frame in relay.frames)
        assert not files(tmp_path)

    asyncio.run(main())


def test_a_centre_that_is_away_costs_only_the_enrolment(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedReader() as reader, Centre() as centre:
            options = (*CENTRE, "--enrol", "ABCD1234EFGH", "--yes")
            async with Technician(file, *options, look=(reader.port,)) as one:
                await one.sees("没有登记：unreachable")
                await one.sees("还要登记")
                assert await one.ends() == 1
            assert centre.port
        assert load_config(file).reader.port == reader.port

    asyncio.run(main())


@pytest.mark.parametrize(("answers", "status"), [("s\n\n\n\n\n\n5\n", 1), ("s\n\n", 1)])
def test_answers_from_a_pipe(tmp_path: Path, answers: str, status: int) -> None:
    """All of them write the file; too few say so and write nothing."""

    async def main() -> None:
        file = tmp_path / "gate.toml"
        async with SimulatedReader() as reader:
            process = await asyncio.create_subprocess_exec(
                *MENPIAO,
                *("gate", str(file), "--setup", "--lang", "en", *CENTRE, "--look", reader.port),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environment_of(tmp_path),
            )
            said, _ = await process.communicate(answers.encode())
        assert process.returncode == status
        text = said.decode()
        assert "Traceback" not in text
        if answers.endswith("5\n"):
            assert load_config(file).gate_id == 5
            assert "The gate's number (the console shows it) [1]: 5" in text
        else:
            assert "Nobody answers any more" in text
            assert not files(tmp_path)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--yes",), "--yes needs --centre"),
        (("--hub",), "--setup is for lanes"),
        (("--centre", "ftp://x"), "--centre must begin"),
        (("--look", "a b"), "a b"),
    ],
)
def test_a_wrong_call_is_said(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    done = menpiao("gate", str(tmp_path / "g.toml"), "--setup", *more, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert not files(tmp_path)
