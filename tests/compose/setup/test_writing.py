"""The file is there whole, before and after, whatever happens in between."""

import os
import pwd
from pathlib import Path

import pytest

from menpiao.compose.setup.writing import hand_over, write_whole


def read(path: Path) -> str:
    return path.read_text()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_first_file_is_its_writers_alone_and_has_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gate.toml"
    assert write_whole(path, "门票", read) is None
    assert path.read_text(encoding="utf-8") == "门票"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(path.parent) == {"gate.toml"}


def test_each_writing_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("first")
    path.chmod(0o644)
    backups = [write_whole(path, text, read) for text in ("second", "third")]
    assert [backup.read_text() for backup in backups if backup] == ["first", "second"]
    assert path.read_text() == "third"
    assert path.stat().st_mode & 0o777 == 0o644
    assert len(names(tmp_path)) == 3


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("first")

    def refuse(fresh: Path) -> None:
        assert fresh.read_text() == "second"
        assert path.read_text() == "first"
        raise ValueError("unfit")

    with pytest.raises(ValueError, match="unfit"):
        write_whole(path, "second", refuse)
    assert path.read_text() == "first"
    assert names(tmp_path) == {"gate.toml"}


@pytest.mark.parametrize("call", ["fsync", "fchmod", "open"])
def test_a_disk_that_fails_changes_nothing(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("first")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, "second", read)
    assert path.read_text() == "first"
    assert names(tmp_path) == {"gate.toml"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_service_gets_its_file_and_its_key(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    folder, outside = tmp_path / "data", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    outside.write_text("of others")
    (folder / "deep" / "key.json").write_text("{}")
    (folder / "link").symlink_to(outside)
    (tmp_path / "gate.toml").write_text("")
    assert hand_over("nobody", tmp_path / "gate.toml", folder, tmp_path / "none")
    for name in ("gate.toml", "data", "data/deep/key.json"):
        assert (tmp_path / name).stat().st_uid == nobody.pw_uid
    assert outside.stat().st_uid == 0
    assert not hand_over("menpiao-nobody-has-this-name", folder)
