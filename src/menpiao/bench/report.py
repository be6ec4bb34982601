"""The result of a bench: a table to read, and the same as JSON."""

import os
import platform
from pathlib import Path

import msgspec

from menpiao.bench.load import Measured


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case; ``ratio`` is against the reference's best rate in the same run."""

    case: str
    per_s: float
    p50_ms: float
    p99_ms: float
    reference_per_s: float
    ratio: float


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Something to reach, in words, and what was reached."""

    name: str
    goal: str
    got: float
    met: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. ``violations``: what the data store says that must never be so."""

    bench: str
    machine: str
    rows: list[Row]
    violations: list[str]
    targets: list[Target]


def machine() -> str:
    """What figures of this machine may be compared with."""
    return f"{os.cpu_count()} × {platform.machine()}, Python {platform.python_version()}"


def row(measured: Measured, reference_per_s: float) -> Row:
    """A case as a row of the table."""
    return Row(
        case=measured.case,
        per_s=round(measured.per_s, 1),
        p50_ms=round(measured.percentile_ms(0.5), 3),
        p99_ms=round(measured.percentile_ms(0.99), 3),
        reference_per_s=round(reference_per_s, 1),
        ratio=round(measured.per_s / reference_per_s, 2) if reference_per_s else 0.0,
    )


def at_least(name: str, goal: float, got: float) -> Target:
    """A target that is met from ``goal`` up."""
    return Target(name=name, goal=f">= {goal:g}", got=round(got, 2), met=got >= goal)


def at_most(name: str, goal: float, got: float) -> Target:
    """A target that is met up to ``goal``."""
    return Target(name=name, goal=f"<= {goal:g}", got=round(got, 2), met=0 < got <= goal)


def table(report: Report) -> str:
    """The report for people."""
    lines = [
        f"bench {report.bench} ({report.machine})",
        f"{'case':<46}{'per s':>10}{'p50 ms':>10}{'p99 ms':>10}{'ratio':>8}",
    ]
    lines += [
        f"{r.case:<46}{r.per_s:>10.0f}{r.p50_ms:>10.2f}{r.p99_ms:>10.2f}{r.ratio:>8.2f}"
        for r in report.rows
    ]
    lines += [
        f"{'met   ' if t.met else 'MISSED'} {t.name}: {t.got:g} (goal {t.goal})"
        for t in report.targets
    ]
    lines += [f"VIOLATION {text}" for text in report.violations] or ["no violations"]
    return "\n".join(lines)


def write(report: Report, path: Path) -> None:
    """Write the report as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
