"""One target under atheris, in a process of its own: ``python -m tests.fuzz.run NAME RUNS FOLDER``.

Only the parser's own modules are instrumented, by branches alone: tracing comparisons costs half
the speed and finds little where the kept corpus begins with real messages.
"""

import functools
import importlib
import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import atheris
from atheris.instrument_bytecode import patch_code
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


def functions(module: types.ModuleType) -> Iterator[types.FunctionType]:
    """The functions and methods that are written in a module."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__:
            yield from _functions(value)


def _functions(value: object) -> Iterator[types.FunctionType]:
    match value:
        case types.FunctionType():
            yield value
        case staticmethod() | classmethod():
            yield from _functions(value.__func__)
        case property():
            yield from _functions(value.fget)
        case functools.cached_property():
            yield from _functions(value.func)
        case type():
            for part in vars(value).values():
                yield from _functions(part)


def main() -> None:
    """Fuzz; libFuzzer ends the process."""
    name, runs, kept = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    target = TARGETS[name]
    for module in target.modules:
        for function in functions(importlib.import_module(module)):
            function.__code__ = patch_code(function.__code__, trace_dataflow=False)
    for path in (CORPUS / name).glob("*"):
        shutil.copy(path, kept)
    command = [
        sys.argv[0],
        f"-runs={runs}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={kept.parent / name}.",
        "-timeout=300",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        str(kept),
    ]
    atheris.Setup(command, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
