"""Long runs, guided by coverage: ``python -m tests.fuzz NAME --runs N``; needs atheris.

What is found worth keeping is written to a temporary corpus that begins with the kept one.
"""

import argparse
import contextlib
import importlib.util
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--longest", type=int, default=3000, help="bytes of an input")
    asked = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("this needs atheris: pip install 'atheris>=3'", file=sys.stderr)
        return 2
    import atheris

    with atheris.instrument_imports(include=["menpiao", "tests.fuzz.targets"]):
        from tests.fuzz.targets import TARGETS
    if asked.name not in TARGETS:
        print(f"one of: {', '.join(sorted(TARGETS))}", file=sys.stderr)
        return 2
    kept = Path(tempfile.mkdtemp(prefix=f"menpiao-fuzz-{asked.name}-"))
    for path in (CORPUS / asked.name).glob("*"):
        shutil.copy(path, kept)
    started = time.monotonic()
    command = [
        sys.argv[0],
        f"-runs={asked.runs}",
        f"-max_len={asked.longest}",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        str(kept),
    ]
    atheris.Setup(command, TARGETS[asked.name])
    with contextlib.suppress(SystemExit):
        atheris.Fuzz()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{asked.name}: {time.monotonic() - started:.0f} s, peak {peak_mb} MB, corpus {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
