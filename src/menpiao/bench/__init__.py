"""Bench (压测): how fast the centre is against its own database, and whether counts hold."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from menpiao.bench.booking import bench_booking
from menpiao.bench.bundle import bench_bundle
from menpiao.bench.check import bench_check
from menpiao.bench.gate import bench_gate
from menpiao.bench.report import Report, table, write

__all__ = ["main"]

_BENCHES: dict[str, Callable[[int], Report]] = {
    "booking": bench_booking,
    "bundle": bench_bundle,
    "check": bench_check,
    "gate": bench_gate,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a bench; 0 when nothing was violated, 1 when something was.

    A missed target is printed and does not fail the run: a busy machine misses some.
    """
    parser = argparse.ArgumentParser(prog="menpiao bench", description=__doc__)
    parser.add_argument("name", choices=sorted(_BENCHES))
    parser.add_argument("--seconds", type=int, default=8, help="for each case (default 8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here too")
    arguments = parser.parse_args(argv)
    if arguments.seconds < 1:
        parser.error("--seconds: at least 1")
    report = _BENCHES[arguments.name](arguments.seconds)
    sys.stdout.write(table(report) + "\n")
    if arguments.json:
        write(report, arguments.json)
    return 1 if report.violations else 0
