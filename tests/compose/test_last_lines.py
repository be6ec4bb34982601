"""What a terminal brings of its log: the last lines, whole, in order, scrubbed like all others."""

import io
import json
import logging
import os
import subprocess
import sys

import pytest
import structlog
from tests.support_db import person

from menpiao.compose.logs import configure, last_lines
from menpiao.settings import Log


@pytest.fixture
def output():
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    configure(Log(format="json", level="info"), text)
    yield text
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_last_lines_are_those_that_went_out(output):
    for number in range(700):
        structlog.get_logger("lane").info("step", n=number)
    logging.getLogger("library").warning("a library says so")
    went_out = output.getvalue().splitlines()
    assert len(went_out) == 701
    assert last_lines(500) == went_out[-500:]
    assert last_lines(2) == went_out[-2:]


def test_no_document_number_is_in_them(output):
    structlog.get_logger("lane").error("mishap", text=f"choked on {person(1)}")
    try:
        raise ValueError(person(2))
    except ValueError:
        logging.getLogger("library").exception("and a library")
    found = "\n".join(last_lines(500))
    assert "mishap" in found
    assert "ValueError" in found
    assert person(1) not in found
    assert person(2) not in found
    assert found.splitlines()[-1] == output.getvalue().splitlines()[-1]


_RUN = """
import json, os, sys, structlog
from menpiao.compose.logs import configure, last_lines
from menpiao.settings import Log
configure(Log(format="json", level="info"))
structlog.get_logger("lane").info("ran", run=sys.argv[1])
print(json.dumps(last_lines(int(sys.argv[2]))))
"""


def run(name, most, stderr, **environment):
    """A process that logs one line and says what it would bring."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, name, str(most)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=True,
        env=os.environ | environment,
    )
    return json.loads(done.stdout)


def test_what_was_logged_before_the_last_start_is_brought_from_the_log_file(tmp_path):
    path = tmp_path / "gate.log"
    with path.open("ab") as log:
        assert len(run("first", 10, log)) == 1
        log.write(f"a library choked on {person(1)}\n\xff\n".encode("latin-1"))
        log.flush()
        found = run("second", 10, log)
        assert [json.loads(line)["run"] for line in (found[0], found[-1])] == ["first", "second"]
        assert "choked" in found[1]
        assert person(1) not in "".join(found)
        assert run("third", 2, log)[-1] != found[-1]
        # A file that has grown for years is read from its end, and no more than fits.
        log.write(b"x" * 60 + b"\n")
        log.write(b"old line\n" * 400_000)
        log.flush()
        found = run("fourth", 500, log)
        assert len(found) == 500
        assert set(found[:-1]) == {"old line"}


def test_what_was_logged_before_the_last_start_is_brought_from_journald(tmp_path):
    # It stands in for the program that reads the journal: there is none in a test.
    program = tmp_path / "journalctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nprintf "%s\\n" one "two {person(1)}" three\n'
    )
    program.chmod(0o755)
    reads, writes = os.pipe()
    where = os.fstat(writes)
    logged = {"JOURNAL_STREAM": f"{where.st_dev}:{where.st_ino}", "JOURNAL_UNIT": "lane@1.service"}
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    try:
        found = run("first", 9, writes, **logged, **path)
        assert (found[0], found[2]) == ("one", "three")
        assert person(1) not in found[1]
        asked = (tmp_path / "asked").read_text().split()
        assert "--unit=lane@1.service" in asked
        assert "--lines=9" in asked
        # No journal of its own, no program, one that fails: what this process logged is brought.
        for other in (
            {**path, **logged, "JOURNAL_STREAM": "1:2"},
            {**path, **logged, "JOURNAL_UNIT": "--all"},
            {**logged, "PATH": "/nowhere"},
        ):
            assert len(run("alone", 9, writes, **other)) == 1
        program.write_text("#!/bin/sh\nexit 1\n")
        assert len(run("alone", 9, writes, **logged, **path)) == 1
    finally:
        os.close(reads)
        os.close(writes)
