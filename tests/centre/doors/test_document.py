"""The description is current, complete, and says what the house promises of its doors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from menpiao.centre.doors.openapi import document, encoded
from menpiao.centre.doors.page import page
from menpiao.centre.doors.serve import routes
from menpiao.centre.doors.table import Door, Table
from menpiao.compose.doors import TABLES

COMMITTED = Path(__file__).resolve().parents[3] / "docs/protocols/openapi.json"
TOLD = document(TABLES)
OPERATIONS = [
    (path, method, operation)
    for path, methods in TOLD["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_document_is_current():
    command = [sys.executable, "-m", "menpiao", "openapi"]
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert printed == encoded(TABLES)
    assert COMMITTED.read_bytes() == printed, "menpiao openapi > docs/protocols/openapi.json"


def test_names_are_unique_and_every_reference_leads_somewhere():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    text = json.dumps(TOLD)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in TOLD["components"]["schemas"]
    assert "\\\\Z" not in text  # Python's alone


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_how_it_refuses(path, method, operation):
    answers = operation["responses"]
    if "101" in answers:
        return
    assert {"429", "500", "503"} <= set(answers)
    if (
        "application/json" in operation.get("requestBody", {}).get("content", {})
        and (operation["requestBody"]["required"])
    ):
        assert {"400", "413", "415", "422"} <= set(answers)
    if "security" in operation:
        assert {"401", "403"} & set(answers)


def test_what_comes_in_is_described_as_strictly_as_it_is_read():
    schemas = TOLD["components"]["schemas"]
    for name in ("Ask", "Proof", "Enrolment", "BookingRequest", "Visitor"):
        assert schemas[name]["additionalProperties"] is False
        assert "type" not in schemas[name]["required"], "a door that takes one kind knows it"
        for field, schema in schemas[name]["properties"].items():
            kinds = schema.get("anyOf", [schema])
            texts = [kind for kind in kinds if kind.get("type") == "string"]
            for text in texts:
                closed = "pattern" in text or text.get("format") in {"date", "date-time"}
                assert closed, f"{name}.{field} may hold anything"
    link = TOLD["x-links"]["/check/v1/link"]
    assert link["fromAsker"]["required"] == ["type"]
    assert {"4400", "4401", "4408", "1003", "1009"} <= set(link["closes"])
    assert "type" in schemas["Answer"]["required"]
    assert schemas["Answer"]["properties"]["people"]["description"].startswith("How many may pass")


def test_the_page_stands_by_itself_in_both_languages():
    for language, word in (("zh", "门票接口说明"), ("en", "Doors of the ticket centre")):
        html = page(TOLD, language)
        assert word in html
        for outside in ("http://", "https://", "src=", "@import", "<script"):
            assert outside not in html
        for path in TOLD["paths"]:
            assert path in html


def test_a_door_without_a_handler_is_found_at_start():
    door = Door(name="x", method="GET", path="/x/v1/y", zh="", en="")
    table = Table(server="x", base="/x/v1", zh="", en="", doors=(door,))
    with pytest.raises(ValueError, match="differ"):
        routes(table, {})
