"""The embedded database: racing starts, killed parents, stale files, bad folders."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from tests.support_serve import Serving, environment_of, menpiao, until

from menpiao.storage.database.embedded import DatabaseFolderError, EmbeddedServer
from menpiao.storage.database.postgres import MAJOR, Account, postmaster, processes_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone may play other accounts")
_START = (
    "import pathlib, sys; from menpiao.storage.database.embedded import EmbeddedServer;"
    "EmbeddedServer(pathlib.Path(sys.argv[1]))"
)


@pytest.fixture
def folder():
    """A data folder that PostgreSQL's own account can reach; no server of it outlives the test."""
    place = Path(tempfile.mkdtemp(prefix="menpiao-embedded-"))
    place.chmod(0o755)
    yield place
    for data in place.glob("postgres*"):
        if data.is_dir():
            kill_all(processes_of(data))
    shutil.rmtree(place, ignore_errors=True)


def kill_all(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it went with the one before
            os.kill(pid, signal.SIGKILL)


def postmasters(folder):
    """Processes of the folder whose parent is none of them: one for each running server."""
    pids = set(processes_of(folder / "postgres"))
    parents = {
        pid: int(Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[1]) for pid in pids
    }
    return [pid for pid in pids if parents[pid] not in pids]


def tables(server):
    with psycopg.connect(server.url("menpiao")) as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM django_migrations), to_regclass('flow_visitor')::text"
        ).fetchone()


def kill_server(folder):
    """What a power cut does: every process of the server is gone at once."""
    kill_all(processes_of(folder / "postgres"))
    until(lambda: not processes_of(folder / "postgres"), "dead")


def test_two_first_starts_at_once_share_one_server(folder):
    one, two = Serving(folder, "check"), Serving(folder, "check")
    try:
        one.ready()
        two.ready()
        assert len(postmasters(folder)) == 1
        assert one.stop() == 0
        assert two.status() == 200, "the server went with the first that left"
        assert two.stop() == 0
        assert processes_of(folder / "postgres") == []
    finally:
        one.process.kill()
        two.process.kill()


def test_many_starters_race_and_the_schema_is_made_once(folder):
    command = [sys.executable, "-m", "menpiao", "park", "--demo", "--days", "1"]
    starters = [
        subprocess.Popen(
            command, env=environment_of(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [starter.communicate(timeout=120) for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0], said
    assert processes_of(folder / "postgres") == []
    server = EmbeddedServer(folder / "postgres")
    with psycopg.connect(server.url("menpiao")) as connection:
        twice = "SELECT app, name FROM django_migrations GROUP BY 1, 2 HAVING count(*) > 1"
        assert connection.execute(twice).fetchall() == []
        assert connection.execute("SELECT count(*) FROM site").fetchone() == (1,)
    server.stop()


def test_a_killed_parent_leaves_a_server_that_the_next_joins_and_stops(folder):
    killed = Serving(folder, "check").ready()
    killed.kill()
    (orphan,) = postmasters(folder)
    following = Serving(folder, "check").ready()
    assert postmasters(folder) == [orphan]
    assert following.stop() == 0
    assert processes_of(folder / "postgres") == []


def test_a_power_cut_costs_nothing_that_was_committed(folder):
    server = EmbeddedServer(folder / "postgres")
    server.ensure_database("menpiao")
    with psycopg.connect(server.url("menpiao")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    kill_server(folder)
    assert (folder / "postgres/postmaster.pid").exists()
    again = EmbeddedServer(folder / "postgres")
    with psycopg.connect(again.url("menpiao")) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
    server.stop()
    assert postmaster(folder / "postgres") is not None, "stopped under its other user"
    again.stop()
    assert postmaster(folder / "postgres") is None


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "cut"])
def test_a_stale_pid_file_with_a_number_that_lives_again_does_not_block(folder, whole):
    server = EmbeddedServer(folder / "postgres")
    kill_server(folder)
    path = folder / "postgres/postmaster.pid"
    owner = path.stat().st_uid
    other = subprocess.Popen(["sleep", "60"], cwd="/", **({"user": owner} if owner else {}))
    try:
        lines = path.read_text().splitlines()
        path.write_text("\n".join([str(other.pid), *lines[1 : 8 if whole else 3]]) + "\n")
        assert EmbeddedServer(folder / "postgres").url("x")
        assert other.poll() is None, "a stranger was killed"
    finally:
        other.kill()
        other.wait()
    server.stop()


def test_what_the_wheels_starter_believes_does_not_matter(folder):
    """Its list of users names processes that live, and its lock is held: nothing waits for it."""
    server = EmbeddedServer(folder / "postgres")
    believed = folder / "postgres/.handle_pids.json"
    believed.write_text(json.dumps([1, os.getpid(), os.getppid()]))
    server.stop()
    assert processes_of(folder / "postgres") == []


def test_killed_while_the_folder_is_made(folder):
    starter = subprocess.Popen([sys.executable, "-c", _START, str(folder / "postgres")])
    until(lambda: list(folder.glob("postgres.new-*/global/*")), "begun")
    starter.kill()
    starter.wait()
    assert not (folder / "postgres").exists()
    EmbeddedServer(folder / "postgres").stop()
    # What the killed one had begun may have gone on writing: then the next start clears it away.
    if list(folder.glob("postgres.new-*")):
        EmbeddedServer(folder / "postgres").stop()
    assert sorted(p.name for p in folder.iterdir()) == [
        "postgres",
        "postgres.lock",
        "postgres.users",
    ]


def test_a_folder_whose_making_was_cut_is_set_aside_and_made_anew(folder):
    EmbeddedServer(folder / "postgres").stop()
    data = folder / "postgres"
    text = (data / "postgresql.conf").read_text()
    (data / "postgresql.conf").write_text(text.partition("# written by menpiao")[0])
    (data / "postmaster.opts").unlink()
    shutil.rmtree(data / "base")
    EmbeddedServer(data).stop()
    assert (data / "base").is_dir()
    assert len(list(folder.glob("postgres.incomplete-*"))) == 1


_WAIT = """
CREATE FUNCTION stay() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(7); END $$;
CREATE EVENT TRIGGER stay ON ddl_command_start WHEN TAG IN ('CREATE SEQUENCE')
    EXECUTE FUNCTION stay();
"""


def test_killed_in_the_middle_of_a_migration(folder):
    server = EmbeddedServer(folder / "postgres")
    server.ensure_database("menpiao")
    with psycopg.connect(server.url("menpiao"), autocommit=True) as watcher:
        watcher.execute(_WAIT)
        watcher.execute("SELECT pg_advisory_lock(7)")
        starter = subprocess.Popen(
            [sys.executable, "-m", "menpiao", "park", "--demo"], env=environment_of(folder)
        )
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
        until(lambda: watcher.execute(waiting).fetchone(), "in the middle of a migration")
        starter.kill()
        starter.wait()
        watcher.execute("DROP EVENT TRIGGER stay")
    count, last = tables(server)
    assert count > 1
    assert last is None
    done = menpiao("park", "--demo", folder=folder)
    assert done.returncode == 0, done.stderr
    assert tables(server)[1] == "flow_visitor"
    server.stop()


def refused(path):
    with pytest.raises(DatabaseFolderError) as caught:
        EmbeddedServer(path)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_folder_of_something_else_is_not_touched(folder):
    (folder / "postgres").mkdir()
    (folder / "postgres/letter.txt").write_text("dear")
    if os.geteuid() == 0:
        shutil.chown(folder / "postgres", "nobody")
    assert "is not empty and holds no database: move it away" in refused(folder / "postgres")
    assert (folder / "postgres/letter.txt").read_text() == "dear"


def test_a_folder_of_another_version_says_what_to_do(folder):
    EmbeddedServer(folder / "postgres").stop()
    (folder / "postgres/PG_VERSION").write_text("14\n")
    assert f"was made by PostgreSQL 14, this is {MAJOR}: dump it" in refused(folder / "postgres")


def test_a_data_folder_that_is_a_file(folder):
    (folder / "data").write_text("")
    assert "cannot be used: File exists" in refused(folder / "data/postgres")


def test_damaged_data_is_said_in_the_servers_words(folder):
    EmbeddedServer(folder / "postgres").stop()
    (folder / "postgres/global/pg_control").unlink()
    assert 'pg_control" for reading: No such file or directory' in refused(folder / "postgres")


@as_root
def test_a_folder_of_root_or_of_nobody_known_says_what_to_do(folder):
    EmbeddedServer(folder / "postgres").stop()
    os.chown(folder / "postgres", 0, 0)
    assert "belongs to root, whom PostgreSQL refuses" in refused(folder / "postgres")
    os.chown(folder / "postgres", 54321, 54321)
    assert "belongs to number 54321, who has no account here" in refused(folder / "postgres")


def as_account(uid, work):
    """Run ``work`` in a forked process under another account; what it gives, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(pwd.getpwuid(uid).pw_gid)
            os.setuid(uid)
            os.write(writing, str(work()).encode())
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@as_root
def test_another_account_is_told_whose_folder_it_is(folder):
    EmbeddedServer(folder / "postgres").stop()
    nobody = pwd.getpwnam("nobody").pw_uid
    owner = pwd.getpwuid((folder / "postgres").stat().st_uid).pw_name
    said = as_account(nobody, lambda: Account(folder / "postgres"))
    assert said.startswith("DatabaseFolderError: ")
    assert f"belongs to {owner}: run menpiao as that account" in said


@as_root
def test_a_folder_that_cannot_be_written_is_one_line(folder):
    nobody = pwd.getpwnam("nobody").pw_uid
    said = as_account(nobody, lambda: EmbeddedServer(folder / "postgres"))
    assert said.startswith("DatabaseFolderError: ")
    assert "cannot be used: Permission denied" in said


@as_root
def test_root_serves_a_folder_under_the_account_it_belongs_to(folder):
    home = folder / "home"
    home.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)

    def own():
        server = EmbeddedServer(home / "postgres")
        server.ensure_database("menpiao")
        server.stop()
        return "made"

    assert as_account(nobody.pw_uid, own) == "made"
    server = EmbeddedServer(home / "postgres")
    (pid,) = [postmaster(home / "postgres").pid]
    assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
    server.stop()


def mounted(folder, options, command):
    """Run a shell command in a mount namespace of its own where ``folder`` is a tmpfs."""
    script = f"mount -t tmpfs -o {options} none {folder} && {command}"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env=environment_of(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@as_root
@pytest.mark.parametrize(
    ("options", "why"),
    [("size=12m,mode=755", "No space left on device"), ("ro", "Read-only file system")],
    ids=["full", "read-only"],
)
def test_a_full_or_read_only_disk_is_one_line(folder, options, why):
    done = mounted(folder, options, f"{sys.executable} -m menpiao park --demo")
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("menpiao: ")
    assert why in line


def test_a_long_path_with_spaces_and_a_callers_own_port(folder, monkeypatch):
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    deep = folder / ("one data folder " * 6).strip() / "postgres"
    server = EmbeddedServer(deep)
    server.ensure_database("menpiao")
    with psycopg.connect(server.url("menpiao")) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    sockets = Path(postmaster(deep).socket_folder)
    assert sockets.stat().st_mode & 0o077 == 0
    server.stop()
    assert processes_of(deep) == []
