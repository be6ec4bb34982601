"""Long runs, guided by coverage: ``python -m tests.fuzz NAME … --runs N``; needs atheris.

One process for each target, one after the other; ``all`` are all of them. For each it prints how
many inputs it took in how many seconds, and the memory of its process in megabytes a moment after
the start and at the end. What is found worth keeping is written to a temporary corpus that begins
with the kept one; the input that broke a target lies beside it.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

_DONE: Final = re.compile(r"^Done (\d+) runs in (\d+) second")
_BEGUN: Final = re.compile(r"^#\d+\s+INITED")
_COVERED: Final = re.compile(r"^#\d+\s+DONE\s+cov: (\d+)")
_SETTLED_S: Final = 2.0
"""After which the kept inputs are loaded and the process has its size."""


def resident_mb(pid: int) -> float:
    """What a process has in memory now; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 2**20


def run(name: str, runs: int, folder: Path) -> str | None:
    """Fuzz one target; a line of figures, or None when it was broken."""
    kept = folder / name
    kept.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.fuzz.run", name, str(runs), str(kept)]
    before = after = 0.0
    settled = float("inf")
    told = covered = ""
    with (
        (folder / f"{name}.log").open("w", encoding="utf-8", buffering=1) as log,
        # The command is this module's own, its name one of the targets'.
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            log.write(line)
            now = resident_mb(process.pid)
            after = now or after
            if _BEGUN.match(line):
                settled = time.monotonic() + _SETTLED_S
            if not before and time.monotonic() > settled:
                before = now
            told = line.strip() if _DONE.match(line) else told
            covered = found[1] if (found := _COVERED.match(line)) else covered
    done = _DONE.match(told)
    if process.returncode or done is None:
        return None
    inputs, took_s = int(done[1]), max(1, int(done[2]))
    return (
        f"{name}: {inputs} inputs, {took_s} s, {inputs // took_s}/s, "
        f"{before or after:.0f} → {after:.0f} MB, {covered} branches"
    )


def main() -> int:
    """Fuzz what is named; 1 when a target was broken."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", choices=[*sorted(TARGETS), "all"])
    parser.add_argument("--runs", type=int, default=1_000_000)
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("this needs atheris: pip install 'atheris>=3'", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="menpiao-fuzz-"))
    print(f"corpora and logs: {folder}", flush=True)
    broken = 0
    for name in [*TARGETS] if "all" in asked.names else asked.names:
        figures = run(name, asked.runs, folder)
        broken += figures is None
        print(figures or f"{name}: BROKEN, see {folder / name}.log", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
