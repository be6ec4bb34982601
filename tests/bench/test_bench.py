"""Short runs of the benches: they end, their figures are written, and nothing is violated."""

import json

import pytest

from menpiao.bench import main
from menpiao.bench.load import cut_frame, percentile_ms, text_frame

CASES = {
    "check": {
        *(f"reference {n} clients" for n in (1, 8, 32)),
        *(f"http {n} concurrent" for n in (1, 32, 256)),
        *(f"link {links} × {depth} in flight" for links, depth in ((1, 1), (32, 1), (8, 32))),
    },
    "booking": {
        *(f"reference {n} clients" for n in (1, 8, 32)),
        *(f"http {n} concurrent" for n in (1, 32, 256)),
    },
    "gate": {
        *(
            f"{lanes}: {span}"
            for lanes in (
                "1 lane",
                "1 lane, off line",
                "1 lane, short pauses",
                "1 lane, short pauses, off line",
                "40 lanes and a rush",
                "40 lanes, off line",
                "40 lanes, caught by it",
            )
            for span in ("read → screen", "read → pulse", "laid → pulse")
        ),
        "the rush meanwhile: bookings",
    },
    "bundle": {
        "5,000 tickets, decided",
        "5,000 tickets, by code, decided",
        "5,000 tickets, and on disk",
    },
}


@pytest.mark.parametrize("name", ["check", "booking", "gate", "bundle"])
def test_a_short_run_measures_every_case_and_violates_nothing(name, tmp_path, capsys):
    out = tmp_path / "result.json"
    assert main([name, "--seconds", "1", "--json", str(out)]) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    assert set(report) == {"bench", "machine", "rows", "violations", "targets"}
    assert report["bench"] == name
    assert report["violations"] == []
    assert {row["case"] for row in report["rows"]} == CASES[name]
    for row in report["rows"]:
        assert row["per_s"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["reference_per_s"] > 0
    assert report["targets"]
    assert "no violations" in capsys.readouterr().out


def test_what_was_lost_or_doubled_is_a_violation():
    """The control: a store that lost a row, and one that sold too much, are found out."""
    from menpiao.bench import booking
    from menpiao.bench.load import Measured
    from menpiao.compose.bench import Park

    class Store:
        def rows(self, sql, values=None):
            if "FROM orders" in sql:
                return [("a",), ("c",)]
            if "FROM slot s" in sql:
                return [(1, 5, 10, 6), (2, 3, 2, 3)]
            return [(8, 9)]

    case = Measured("x", confirmed=["a", "b"])
    park = Park(1, 1, 1, 1, 1, 2)
    found = booking._violations(Store(), park, [case], Measured("rush"))
    assert found == [
        "1 answered not written, 1 written not answered",
        "slot 1: 5 counted, 6 on tickets",
        "slot 2: oversold by 1",
        "day: 8 counted, 9 on tickets",
    ]


@pytest.mark.parametrize("size", [5, 125, 126, 4000])
def test_frames_are_cut_where_they_end(size):
    body = b"x" * size
    masked = text_frame(body)
    head = 2 if size < 126 else 4
    assert masked[1] & 0x80
    assert masked[head : head + 4] == b"\0\0\0\0"
    served = bytearray(masked[:1] + bytes((masked[1] & 0x7F,)) + masked[2:head] + body)
    whole = bytearray(served + served[:1])
    assert cut_frame(bytearray(served[:-1])) is None
    assert cut_frame(whole) == (1, body)
    assert whole == served[:1]


def test_percentiles_are_by_rank():
    assert percentile_ms([], 0.5) == 0
    assert percentile_ms([n / 1000 for n in range(1, 101)], 0.99) == 100
    assert percentile_ms([0.002, 0.001], 0.5) == 2
