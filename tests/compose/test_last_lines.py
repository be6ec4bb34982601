"""What a terminal brings of its log: the last lines, whole, in order, scrubbed like all others."""

import io
import logging

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
