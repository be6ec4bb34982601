"""The journal on disks that fail."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from menpiao.terminals.gate.journal import Journal, Outcome, PassageNote

AT = datetime(2026, 5, 1, tzinfo=UTC)


def test_entries_survive_and_old_ones_go(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j.sqlite3"

    async def main() -> None:
        journal = Journal(path)
        assert await journal.begin("old", "resident_card", 1, AT - timedelta(days=100))
        journal.close()
        journal = Journal(path)
        assert await journal.begin("new", "resident_card", 1, AT)
        assert await journal.end("new", Outcome("admitted", "pass", 2, "T1", AT))
        assert await journal.works()
        journal.close()

    asyncio.run(main())
    connection = sqlite3.connect(path)
    assert connection.execute("select nonce, people from asks").fetchall() == [("new", 2)]
    connection.close()


def test_only_an_ask_that_has_not_ended_is_withdrawn(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def main() -> None:
        journal = Journal(path)
        for nonce in ("ended", "open"):
            assert await journal.begin(nonce, "resident_card", 1, AT)
        assert await journal.end("ended", Outcome("late", "pass", 1, "T1", AT))
        for nonce in ("ended", "open"):
            assert await journal.withdraw(nonce, AT)
        journal.close()

    asyncio.run(main())
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("select nonce, outcome, reason from asks order by nonce")
        assert found.fetchall() == [("ended", "late", "pass"), ("open", "no_answer", "withdrawn")]


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"
    path.write_bytes(b"this is no database " * 100)

    async def main() -> None:
        journal = Journal(path)
        # The entry at hand is written all the same, into the file that is begun instead.
        assert await journal.begin("n", "resident_card", 1, AT)
        journal.close()

    asyncio.run(main())
    assert (tmp_path / "j.damaged").read_bytes().startswith(b"this is no database")


def test_a_passage_whose_time_cannot_be_read_holds_no_other_up(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def main() -> tuple[tuple[int, PassageNote], ...]:
        journal = Journal(path)
        for _ in range(3):
            assert await journal.passage(PassageNote(7, AT, "passed"))
        connection = sqlite3.connect(path)
        connection.execute("update passages set at = '2026-0\x7f' where sequence = 2")
        connection.commit()
        connection.close()
        due = await journal.passages_due(10)
        journal.close()
        return due.passages

    assert [number for number, _ in asyncio.run(main())] == [1, 3]


def test_what_the_centre_keeps_of_one_journal_forgets_nothing_of_another(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def main() -> None:
        journal = Journal(path)
        assert await journal.passage(PassageNote(1, AT, "opened"))
        before = await journal.passages_due(9)
        journal.close()
        path.write_bytes(b"\x00\x01" * 9000)
        journal = Journal(path)
        assert await journal.passage(PassageNote(1, AT, "passed"))
        # The answer to what was sent from the damaged file comes now.
        assert await journal.passages_kept(before.journal, 1)
        after = await journal.passages_due(9)
        assert [(n, note.kind) for n, note in after.passages] == [(1, "passed")]
        assert after.journal != before.journal
        assert await journal.passages_kept(after.journal, 1)
        assert (await journal.passages_due(9)).passages == ()
        journal.close()

    asyncio.run(main())


def test_a_journal_from_before_they_had_names_keeps_the_name_it_is_known_under(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.sqlite3"

    async def main() -> None:
        journal = Journal(path)
        assert await journal.passage(PassageNote(1, AT, "opened"))
        journal.close()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("drop table journal")
        journal = Journal(path)
        assert (await journal.passages_due(9)).journal == ""
        journal.close()

    asyncio.run(main())


FULL = """
import asyncio, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from menpiao.terminals.gate.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    at = datetime(2026, 5, 1, tzinfo=UTC)
    assert await journal.begin("first", "resident_card", 1, at)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_960, hard))
    results = [await journal.begin(f"n{i}", "resident_card", 1, at) for i in range(800)]
    assert True in results and results[-1] is False, results
    assert not await journal.works()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await journal.works()
    assert await journal.begin("after", "resident_card", 1, at)
    journal.close()
    print("noted", sum(results))

asyncio.run(main())
"""


def test_a_full_disk_is_a_value_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    noted = int(done.stdout.split()[-1])
    connection = sqlite3.connect(path)
    # Whatever was promised is there.
    (count,) = connection.execute("select count(*) from asks where nonce like 'n%'").fetchone()
    connection.close()
    assert count >= noted


def test_nobody_at_the_reader_waits_for_the_log_to_be_brought_in(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    async def main() -> None:
        journal = Journal(path)
        await journal.begin("first", "resident_card", 1, AT)
        before = path.read_bytes()
        # Far more than SQLite lets its log grow by itself.
        for number in range(600):
            assert await journal.begin(f"n{number}", "resident_card", 1, AT)
        assert path.read_bytes() == before
        assert await journal.end("first", Outcome("admitted", "pass", 1, "T1", AT))
        assert await journal.works()
        assert path.read_bytes() != before
        journal.close()

    asyncio.run(main())


def test_after_a_long_winter_old_entries_go_a_part_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"

    def count() -> int:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("select count(*) from asks").fetchone()[0])

    async def main() -> None:
        journal = Journal(path)
        assert await journal.begin("new", "resident_card", 1, AT)
        old = ((f"o{n}", (AT - timedelta(days=100)).isoformat()) for n in range(2500))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executemany(
                "insert into asks (nonce, kind, gate_id, asked_at) values (?, '', 1, ?)", old
            )
        assert count() == 2501
        assert await journal.begin("next", "resident_card", 1, AT)
        assert count() == 2502
        assert await journal.end("next", Outcome("admitted", "pass", 1, "T1", AT))
        assert await journal.works()
        assert count() == 1502
        for number in range(250):
            nonce = f"n{number}"
            assert await journal.begin(nonce, "resident_card", 1, AT)
            assert await journal.end(nonce, Outcome("admitted", "pass", 1, "T1", AT))
        assert await journal.works()
        assert count() == 252
        journal.close()

    asyncio.run(main())
