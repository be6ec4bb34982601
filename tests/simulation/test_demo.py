"""The operator's smoke test, as an operator runs it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

from tests.support_ports import free_port


def menpiao(*arguments, folder, **more):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MENPIAO_")}
    environment |= {"MENPIAO_DATA_DIR": str(folder)} | more
    return [sys.executable, "-m", "menpiao", *arguments], environment


def test_the_main_job_runs_once_and_leaves_nothing_behind(tmp_path):
    command, environment = menpiao("demo", "--once", folder=tmp_path)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  ok ") == 10
    assert "every step held" in done.stdout
    assert done.stderr == "", "nothing but the steps while all is well"
    assert not re.search(r"\b\d{17}[\dX]\b", done.stdout + done.stderr), "a number was printed"
    left = subprocess.run(
        ["pgrep", "-f", "postgres -D .*menpiao-once-"], capture_output=True, check=False
    )
    assert left.returncode == 1, left.stdout


def test_doctor_says_what_is_wrong(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "keys.json").write_text("{}")
    (folder / "keys.json").chmod(0o644)
    command, environment = menpiao(
        "doctor", folder=folder, MENPIAO_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "mode 0644 (0600 is needed)" in done.stdout
    assert "the database does not answer" in done.stdout


def test_a_misspelt_setting_is_found_at_start(tmp_path):
    command, environment = menpiao("doctor", folder=tmp_path, MENPIAO_HTTP_PROT="1")
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "prot" in done.stderr


def test_an_account_that_could_not_log_in_is_found_at_start(tmp_path):
    command, environment = menpiao("doctor", folder=tmp_path, MENPIAO_SMS_HOST="10.0.0.9")
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "sp_id, secret, src_id" in done.stderr
    assert "$.sms" in done.stderr


def test_serve_answers_and_ends_in_good_order(tmp_path):
    tmp_path.chmod(0o755)
    port = free_port()
    command, environment = menpiao(
        "serve", "check", folder=tmp_path / "data", MENPIAO_HTTP_PORT=str(port)
    )
    process = subprocess.Popen(command, env=environment)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert process.poll() is None, "it ended"
                assert time.monotonic() < until, "it did not start"
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    left = subprocess.run(
        ["pgrep", "-f", f"postgres -D {tmp_path}"], capture_output=True, check=False
    )
    assert left.returncode == 1, left.stdout
