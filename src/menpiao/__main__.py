"""The one command: serve · work · park · user · doctor · gate · bench · demo."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from menpiao.settings import Settings, SettingsError, load

Command = Callable[[argparse.Namespace, Settings], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what was asked, 1 when not, 2 for a wrong call."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.config is not None:
        # The pages' framework and child processes read the same file.
        os.environ["MENPIAO_CONFIG"] = str(arguments.config)
    try:
        settings = load(arguments.config)
    except SettingsError as error:
        print(f"menpiao: {error}", file=sys.stderr)
        return 2
    command: Command = arguments.run
    return command(arguments, settings)


def _guarded(command: Command) -> Command:
    """A command of the centre that says in one line what is wrong with its set-up."""

    def run(arguments: argparse.Namespace, settings: Settings) -> int:
        from menpiao.compose.serve import SETUP_ERRORS

        try:
            return command(arguments, settings)
        except SETUP_ERRORS as error:
            lines = str(error).strip().splitlines()
            print(f"menpiao: {lines[0] if lines else type(error).__name__}", file=sys.stderr)
            return 1

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="menpiao", description="门票 — the identity card is the ticket."
    )
    parser.add_argument("--config", type=Path, help="settings file (TOML)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run servers of the centre in this process")
    serve.add_argument(
        "servers",
        nargs="+",
        choices=["all", "check", "booking", "counter", "commerce", "statistics", "messaging"],
    )
    serve.set_defaults(run=_guarded(_serve))

    work = commands.add_parser("work", help="run background jobs, apart from the servers")
    work.add_argument(
        "jobs",
        nargs="*",
        metavar="JOB",
        help="payments, messages, figures, slots, retention; none named: all of them",
    )
    work.set_defaults(run=_guarded(_work))

    park = commands.add_parser("park", help="set up: a demo park, slots, an enrolment code")
    park.add_argument("--demo", action="store_true", help="plant the demo park, once")
    park.add_argument("--days", type=int, default=14, help="lay out slots for so many days")
    park.add_argument("--enrol", metavar="GATE", help="print a one-time code for this gate")
    park.set_defaults(run=_guarded(_park))

    user = commands.add_parser("user", help="make an administrator of the console, or let one in")
    user.add_argument("name", help="the name to sign in with; the password is asked for")
    user.set_defaults(run=_guarded(_user))

    doctor = commands.add_parser("doctor", help="say what is wrong with this machine's set-up")
    doctor.set_defaults(run=_doctor)

    _add_gate(commands)

    counter = commands.add_parser("counter", help="run the agent of a clerk's computer")
    counter.add_argument("file", type=Path, help="the counter's own configuration file (TOML)")
    counter.set_defaults(run=_counter)

    openapi = commands.add_parser("openapi", help="print the description of the doors for machines")
    openapi.set_defaults(run=_openapi)

    bench = commands.add_parser("bench", help="measure, beside a reference in the same run")
    bench.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="NAME [--seconds N] [--json FILE]"
    )
    bench.set_defaults(run=_bench)

    demo = commands.add_parser("demo", help="run the main job with everything simulated around it")
    demo.add_argument("--once", action="store_true", help="run it once, print proofs, and end")
    demo.set_defaults(run=_guarded(_demo))
    return parser


def _add_gate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    gate = commands.add_parser("gate", help="run the lane's program on this machine")
    gate.add_argument("file", type=Path, help="the lane's own configuration file (TOML)")
    gate.add_argument("--enrol", metavar="CODE", help="make the file, with a one-time code")
    gate.add_argument("--centre", help="the centre's address, to enrol")
    gate.add_argument("--authority", metavar="FILE", help="PEM to trust for the centre, to enrol")
    gate.add_argument("--hub", action="store_true", help="run (or enrol) the hub of a site")
    gate.add_argument("--setup", action="store_true", help="find and try devices, make the file")
    gate.add_argument("--lang", choices=["zh", "en"], help="the language of the set-up")
    gate.add_argument("--yes", action="store_true", help="set up without asking or trying")
    gate.add_argument(
        "--look",
        action="append",
        default=[],
        metavar="PLACE",
        help="set up: look at this port or HOST:PORT, instead of all ports of the machine",
    )
    gate.add_argument("--wait", type=float, default=60.0, help="set up: seconds for a card or code")
    gate.set_defaults(run=_gate)


def _serve(arguments: argparse.Namespace, settings: Settings) -> int:
    from menpiao.compose.serve import serve

    servers = () if "all" in arguments.servers else tuple(arguments.servers)
    serve(settings, servers)
    return 0


def _work(arguments: argparse.Namespace, settings: Settings) -> int:
    from menpiao.compose.jobs import JOBS
    from menpiao.compose.serve import work

    if unknown := [job for job in arguments.jobs if job not in JOBS]:
        print(f"no such job: {', '.join(unknown)}; there are {', '.join(JOBS)}", file=sys.stderr)
        return 2
    work(settings, tuple(dict.fromkeys(arguments.jobs)))
    return 0


def _park(arguments: argparse.Namespace, settings: Settings) -> int:
    from menpiao.compose.serve import prepare

    prepare(settings)
    from menpiao.compose import park

    site = park.plant_demo_park() if arguments.demo else park.only_site()
    if site is None:
        print("no site yet: make one in the console, or use --demo", file=sys.stderr)
        return 1
    print(f"{site.name}: {park.lay_slots_from_today(site, arguments.days)} new slots")
    if arguments.enrol:
        code = park.enrolment_code_for(site, arguments.enrol)
        if code is None:
            print(f"no gate is named {arguments.enrol!r}", file=sys.stderr)
            return 1
        print(f"one-time code, valid for an hour: {code}")
    return 0


def _user(arguments: argparse.Namespace, settings: Settings) -> int:
    from menpiao.compose.serve import prepare

    # Never an argument: the list of processes shows those. Without a terminal it is a line.
    tty = sys.stdin.isatty()
    password = getpass.getpass("password: ") if tty else sys.stdin.readline().rstrip("\n")
    if tty and getpass.getpass("once more: ") != password:
        print("menpiao: the two are not the same", file=sys.stderr)
        return 1
    prepare(settings)
    from menpiao.compose.people import UserError, make_administrator

    try:
        fresh = make_administrator(arguments.name, password)
    except UserError as error:
        print(f"menpiao: {error}", file=sys.stderr)
        return 1
    done = "is an administrator" if fresh else "has a new password"
    print(f"{arguments.name} {done}; the console is at {settings.public_url}/console/")
    return 0


def _doctor(arguments: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - a command's shape
    from menpiao.doctor import examine

    return examine(settings)


def _gate(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.setup:
        return _gate_setup(arguments, settings)
    from menpiao.compose.logs import configure
    from menpiao.compose.terminal import (
        SETUP_ERRORS,
        enrol_gate,
        enrol_hub,
        run_gate_from_config,
        run_hub_from_config,
    )

    configure(settings.log)

    if arguments.enrol and not arguments.centre:
        print("--enrol needs --centre: the centre's address", file=sys.stderr)
        return 2
    try:
        if not arguments.enrol:
            run = run_hub_from_config if arguments.hub else run_gate_from_config
            run(arguments.file)
            return 0
        enrol = enrol_hub if arguments.hub else enrol_gate
        enrolled = enrol(
            arguments.centre,
            arguments.enrol,
            arguments.file,
            authority_file=arguments.authority or "",
        )
    except SETUP_ERRORS as error:
        print(f"menpiao: {error}", file=sys.stderr)
        return 1
    gates = ", ".join(f"{gate.name} ({gate.id})" for gate in enrolled.gates)
    print(f"device {enrolled.device_id} of {enrolled.site}: {gates}")
    return 0


def _gate_setup(arguments: argparse.Namespace, settings: Settings) -> int:
    import msgspec

    from menpiao.compose.logs import configure
    from menpiao.compose.setup import Asked, Order, set_up
    from menpiao.terminals.gate.config import is_address

    if arguments.hub:
        print("--setup is for lanes: a hub has no devices", file=sys.stderr)
        return 2
    if arguments.centre and not is_address(arguments.centre):
        print("--centre must begin with https:// or http://", file=sys.stderr)
        return 2
    if arguments.yes and not arguments.centre and not arguments.file.exists():
        print("--yes needs --centre, or a file to set up anew", file=sys.stderr)
        return 2
    # What a driver notes about its device is told in the technician's words.
    configure(msgspec.structs.replace(settings.log, level="error"))
    order = Order(
        path=arguments.file,
        look=tuple(arguments.look),
        asked=Asked(
            (arguments.centre or "").rstrip("/"), arguments.enrol or "", arguments.authority or ""
        ),
        wait_s=arguments.wait,
    )
    return set_up(order, arguments.lang, assume=arguments.yes)


def _counter(arguments: argparse.Namespace, settings: Settings) -> int:
    from menpiao.compose.logs import configure
    from menpiao.compose.terminal import SETUP_ERRORS, run_counter_from_config

    configure(settings.log)
    try:
        run_counter_from_config(arguments.file)
    except SETUP_ERRORS as error:
        print(f"menpiao: {error}", file=sys.stderr)
        return 1
    return 0


def _openapi(arguments: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - a command's shape
    from menpiao.centre.doors.openapi import encoded
    from menpiao.compose.doors import TABLES

    sys.stdout.write(encoded(TABLES).decode())
    return 0


def _bench(arguments: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - a command's shape
    from menpiao.bench import main as bench

    return bench(arguments.arguments)


def _demo(arguments: argparse.Namespace, settings: Settings) -> int:
    import msgspec

    from menpiao.compose.logs import configure
    from menpiao.simulation.demo import run_demo

    log = settings.log
    if arguments.once and log.level == "info":
        log = msgspec.structs.replace(log, level="warning")  # between the steps, troubles alone
    configure(log)
    return run_demo(settings, once=arguments.once)


if __name__ == "__main__":
    sys.exit(main())
