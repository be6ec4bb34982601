"""A vendor's library in a helper process: a stub compiled here reads, crashes, hangs and prints."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.terminals.parts.reader.lane import fast, running

from menpiao.simulation.cards import resident
from menpiao.terminals.parts.reader.base import ReaderState
from menpiao.terminals.parts.reader.sam_v import Options
from menpiao.terminals.parts.reader.vendor import VendorTransport

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int mood(void) {               /* what the test wants now: the first byte of a file */
    FILE *file = fopen(MOOD, "rb");
    int byte = file ? fgetc(file) : 'n';
    if (file) fclose(file);
    return byte;
}
int SDT_OpenPort(int port) { printf("opened %d\n", port); fflush(stdout); return 0x90; }
int SDT_GetSAMStatus(int port, int open) { return 0x90; }
int SDT_GetSAMID(int port, unsigned char *id, int open) {
    static const unsigned char bytes[16] =
        {5, 0, 3, 0, 0xA5, 0x3A, 0x34, 1, 0x39, 0x30, 0, 0, 0x15, 0xCD, 0x5B, 7};
    memcpy(id, bytes, 16);
    return 0x90;
}
int SDT_StartFindIDCard(int port, unsigned char *iin, int open) {
    switch (mood()) {
    case 'c': abort();
    case 'h': for (;;) sleep(1);
    case 'y': return 0x9F;
    default: return 0x80;
    }
}
int SDT_SelectIDCard(int port, unsigned char *sn, int open) { return 0x90; }
int SDT_ReadBaseMsg(int port, unsigned char *text, unsigned int *n, unsigned char *photo,
                    unsigned int *m, int open) {
    FILE *file = fopen(CARD, "rb");
    *n = (unsigned int)fread(text, 1, 256, file);
    fclose(file);
    memset(photo, 0, 1024);
    *m = 1024;
    return 0x90;
}
"""
OPTIONS = Options(timings=fast(find_s=0.3, status_s=3.0, sam_id_s=3.0, silences_max=2))


@dataclass
class Stub:
    """A library, what sets its mood, and a Python that can load it."""

    library: str
    mood: Callable[[str], object]
    python: str

    @property
    def transport(self) -> VendorTransport:
        return VendorTransport(self.library, python=self.python)


@pytest.fixture(params=[64, 32])
def stub(tmp_path: Path, request: pytest.FixtureRequest) -> Stub:
    python = sys.executable if request.param == 64 else os.environ.get("MENPIAO_PYTHON32", "")
    if not python:
        pytest.skip("MENPIAO_PYTHON32 names no 32-bit Python: see scripts/python32.sh")
    source, library, mood = tmp_path / "stub.c", tmp_path / "libstub.so", tmp_path / "mood"
    card = tmp_path / "card"
    card.write_bytes(resident("11010519491231002X", "李样例").text)
    source.write_text(SOURCE)
    defined = [f'-DMOOD="{mood}"', f'-DCARD="{card}"']
    bits = ["-m32"] if request.param == 32 else []
    command = ["gcc", *bits, "-shared", "-fPIC", *defined, "-o", library, source]
    subprocess.run(command, check=True)
    mood.write_text("n")
    return Stub(str(library), mood.write_text, python)


def test_a_card_is_read_through_the_library(stub: Stub) -> None:
    async def main() -> None:
        async with running(stub.transport, OPTIONS) as lane:
            await lane.until(lambda: lane.ready == 1, 20)
            assert lane.events[0].sam_id == "05.03-20200101-0000012345-0123456789"
            stub.mood("y")
            await lane.until_cards(1)
            assert lane.cards[0].number == "11010519491231002X"

    asyncio.run(main())


@pytest.mark.parametrize(("mishap", "fault"), [("c", "port_lost"), ("h", "silent")])
def test_a_library_that_crashes_or_hangs(stub: Stub, mishap: str, fault: str) -> None:
    async def main() -> None:
        async with running(stub.transport, OPTIONS) as lane:
            await lane.until(lambda: lane.ready == 1, 20)
            stub.mood(mishap)
            await lane.until(lambda: fault in lane.faults, 20)
            assert lane.reader.state in {ReaderState.OFFLINE, ReaderState.FAULT}
            stub.mood("y")
            await lane.until_cards(1, 20)

    asyncio.run(main())


def test_no_such_library_or_interpreter(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(VendorTransport(str(tmp_path / "none.so")), OPTIONS) as lane:
            await lane.until(lambda: lane.faults == ["port_lost"], 20)
        async with running(VendorTransport("x", python=str(tmp_path / "python32"))) as lane:
            await lane.until(lambda: lane.faults == ["port_absent"], 20)

    asyncio.run(main())
