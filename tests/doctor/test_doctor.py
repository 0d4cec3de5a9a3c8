"""`gpudrop doctor`: each finding made to appear by its real cause, and the command on a drop with a real worker."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer

from dispatcher.cli import doctor as command
from dispatcher.config import Settings
from dispatcher.doctor import DoctorReport, Finding, machine, place
from dispatcher.doctor.channel import examine_workers, measure, soak
from dispatcher.doctor.findings import checked
from dispatcher.doctor.mounts import examine_mount
from dispatcher.doctor.place import examine_place
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady
from protocol.transports import open_drop
from protocol.transports.ground import Ground
from protocol.transports.host import SYSTEM
from protocol.transports.mount import GOOD_FLAGS, Flags
from tests.support.drops import client, make_drop, wait_for, worker
from usertext.redaction import without_secrets


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings whose data lies in a folder of the test's own."""
    return Settings(data_dir=tmp_path / "data", config_dir=tmp_path / "config", home=tmp_path)


def of(findings: list[Finding], check: str) -> Finding:
    """Return the worst finding of a check."""
    return max((it for it in findings if it.check == check), key=lambda it: ("ok", "warn", "fail").index(it.state))


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[int, dict[str, Any]]:
    """Run the command with --json; return its exit code and what it printed."""
    code = 0
    try:
        command.doctor(json_=True, **{"drop": None, "soak_": 0, **options})
    except typer.Exit as end:
        code = end.exit_code
    return code, json.loads(capsys.readouterr().out)


def test_a_drop_with_a_worker_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker is told with what it can do, the way there and back is measured, a soak loses nothing."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(command, "examine_machine", lambda settings: [])
    drop = make_drop(tmp_path / "drop")
    with worker(drop):
        wait_for(lambda: any(drop.glob("_workers/*/hello-*")))
        code, told = run(capsys, drop=str(drop), soak_=3)
    assert (code, told["ready"]) == (0, True)
    assert told["workers"][0]["lives"]
    assert told["workers"][0]["engines"]["echo"] == ["echo"]
    assert 0 < told["latency"]["there_and_back_s"] < 10
    assert (told["soak"]["jobs"], told["soak"]["lost"], told["soak"]["doubled"]) == (3, 0, 0)
    assert not (drop / "_probes").exists()
    assert {path.name for path in drop.iterdir()} == {"_drop.json", "_workers"}


def test_this_machine_is_examined(settings: Settings) -> None:
    """Every program that a film needs is started and told with its version."""
    found = machine.examine_machine(settings)
    assert [it for it in found if it.state == "fail"] == []
    assert {"python", "ffmpeg", "chromium", "speech", "rclone", "database", "disk"} <= {it.check for it in found}


def test_a_drop_that_is_not_there_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 6, and the hint says how to make one."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(command, "examine_machine", lambda settings: [])
    code, told = run(capsys, drop=str(tmp_path / "nowhere"))
    assert (code, told["ready"]) == (6, False)
    assert "gpudrop init" in next(it for it in told["findings"] if it["check"] == "drop")["hint"]
    assert told["drop"] == {"address": str(tmp_path / "nowhere"), "origin": "named by --drop"}


def test_where_the_drop_came_from_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable or the file that names the drop, and a config.toml that is wrong is a finding with its line."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr(command, "examine_machine", lambda settings: [])
    drop = make_drop(tmp_path / "drop")
    (tmp_path / "config.toml").write_text(f'drop = "{drop}"\n')
    assert run(capsys)[1]["drop"] == {"address": str(drop), "origin": f"the default in {tmp_path}/config.toml"}
    monkeypatch.setenv("COLAB_TTS_DRIVE_PATH", str(drop))
    assert run(capsys)[1]["drop"]["origin"] == "set by COLAB_TTS_DRIVE_PATH"
    monkeypatch.delenv("COLAB_TTS_DRIVE_PATH")
    (tmp_path / "config.toml").write_text("drop = 1\n")
    code, told = run(capsys)
    assert (code, told["findings"][0]["check"], told["findings"][0]["state"]) == (6, "config", "fail")
    assert "config.toml, line 1" in told["findings"][0]["said"]


def test_nobody_there_is_told(tmp_path: Path) -> None:
    """A drop that no worker ever served, and one whose worker is gone, are told apart."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as here:
        latency, _ = measure(here)
        assert "there_and_back_s" not in latency
        assert "ever seen" in examine_workers(here)[1][0].said
    with worker(drop, "--once") as process:
        process.wait(150)
    with client(drop, tmp_path / "data") as here:
        measure(here, answer_s=0.5)
        assert "no worker is running now" in examine_workers(here)[1][0].said


def test_a_lost_soak_job_fails(tmp_path: Path) -> None:
    """A job that does not come back is counted as lost, and the finding says why."""
    with client(make_drop(tmp_path / "drop"), tmp_path / "data") as here:
        told, findings = soak(here, 1, lambda done: None, job_s=0.2)
    assert (told["lost"], told["p50_s"]) == (1, None)
    assert findings[0].state == "fail"


def test_what_lies_about_is_told(tmp_path: Path, settings: Settings) -> None:
    """Conflict copies and jobs that the database has forgotten are counted, with an example of each."""
    root = make_drop(tmp_path / "drop")
    with RunStore.open(settings.database) as store:
        mine = Client(root, store=store, results=tmp_path / "results")
        kept = mine.submit(Job(kind="echo", params={"text": "known"}))
        job = store.get(kept.run).job
        dispatcher = store.dispatcher_id
        mine.close()
    (root / job / "request (1).json").write_text("{}")
    with contextlib.closing(open_drop(root)) as drop:
        assert "request (1).json" in of(examine_place(root, settings, drop), "tidiness").said
        (settings.data_dir / "runs.sqlite3").rename(tmp_path / "lost.sqlite3")
        with RunStore.open(settings.database) as store:
            assert store.dispatcher_id == dispatcher  # the file beside it remembers whose the lost one was
        doubles, orphans = (it for it in examine_place(root, settings, drop) if it.check == "tidiness")
    assert "conflict" in doubles.said
    assert f"1 jobs of this machine that its run database does not know, such as {job}" in orphans.said
    assert "gpudrop runs reindex" in orphans.hint


def test_a_drop_inside_our_own_data_fails(settings: Settings) -> None:
    """Neither may lie in the other: cleaning one would take the other away."""
    inside = make_drop(settings.data_dir / "drop")
    with contextlib.closing(open_drop(inside)) as drop:
        assert of(examine_place(inside, settings, drop), "place").state == "fail"


def test_another_drop_on_the_same_path_is_told(tmp_path: Path, settings: Settings) -> None:
    """Where jobs were sent to one drop and another lies there now, somebody mounted another drive."""
    root = make_drop(tmp_path / "drop")
    with RunStore.open(settings.database) as store:
        mine = Client(root, store=store, results=tmp_path / "results")
        mine.submit(Job(kind="echo", params={"text": "x"}))
        mine.close()
    make_drop(root)
    with contextlib.closing(open_drop(root)) as drop:
        assert "another drop was at this path" in of(examine_place(root, settings, drop), "drop").said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"rc": "false"}, "no --rc"),
        ({"rc": "true"}, "--vfs-cache-mode is off"),
        ({"rc": "true", "vfs-cache-mode": "full", "vfs-write-back": "1m"}, "more than 5 s"),
        ({"rc": "true", "vfs-cache-mode": "full", "poll-interval": "0"}, "--poll-interval"),
        ({"rc": "true", "vfs-cache-mode": "full", "read-only": "true"}, "read-only"),
        ({"vfs-cache-mode": "full"}, "for more than a minute"),
    ],
)
def test_flags_of_a_mount_that_hurt_are_named(tmp_path: Path, flags: dict[str, str], said: str) -> None:
    """Each comes with the flag to set instead; good flags are no finding."""
    with remote_control() as address:
        given = {**flags, "rc-addr": address}
        found = [it for it in examine_mount(tmp_path, find_flags=lambda at: Flags(at, given)) if it.check == "mount"]
        assert any(said in it.said for it in found)
        assert all(str(tmp_path) in it.said and "--" in it.hint for it in found)
        good = {**flags, **GOOD, "read-only": "false", "rc-addr": address}
        assert [it.state for it in examine_mount(tmp_path, find_flags=lambda at: Flags(at, good))] == ["ok"]


GOOD = {"rc": "true", "vfs-cache-mode": "full", "vfs-write-back": "1s", "poll-interval": "10s"}


@contextlib.contextmanager
def remote_control(status: int = 200) -> Iterator[str]:
    """Answer every call on a loopback port as a remote control would; return its address."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("status", "hint"), [(401, "--rc-htpasswd"), (404, "--rc-baseurl"), (403, "--rc-user")])
def test_a_remote_control_that_refuses_is_a_warning(tmp_path: Path, status: int, hint: str) -> None:
    """What the remote control answers is told with the flag that is behind it."""
    with remote_control(status) as address:
        given = {**GOOD, "rc-addr": address}
        [_, found] = examine_mount(tmp_path, find_flags=lambda at: Flags(at, given))
    assert (found.state, found.check) == ("warn", "mount")
    assert hint in found.hint
    assert str(status) in found.said


def test_a_remote_control_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    """A port where nobody listens, or which speaks TLS, is named."""
    with remote_control() as address:
        pass
    given = {**GOOD, "rc-addr": address}
    [_, found] = examine_mount(tmp_path, find_flags=lambda at: Flags(at, given))
    assert f"at {address} does not answer" in found.said
    assert "--rc-addr" in found.hint


def test_no_advice_is_made_unreadable() -> None:
    """A placeholder in advice is no secret; what stands there in a real command line is."""
    assert without_secrets(GOOD_FLAGS) == GOOD_FLAGS
    assert without_secrets("--rc-pass $(openssl rand -hex 16)") == "--rc-pass $(openssl rand -hex 16)"
    assert "hunter22" not in without_secrets(GOOD_FLAGS.replace("…", "hunter22"))


def test_advice_names_the_drop(tmp_path: Path, settings: Settings) -> None:
    """A folder that is no drop is named in every hint, not called "the drop"."""
    bare = tmp_path / "bare"
    bare.mkdir()
    with contextlib.closing(open_drop(bare)) as drop:
        found = examine_place(bare, settings, drop)
    hints = [it.hint for it in found if it.state == "fail"]
    assert hints
    assert all(f"gpudrop init --drop {bare}" in hint for hint in hints)


def test_the_tool_that_carries_a_folder_is_named() -> None:
    """A plain folder that a sync tool carries is told apart from one that only this machine sees."""
    (carried,) = place._ground(Ground("shared", tool="Syncthing", is_disk=True))
    assert carried.said.startswith("a folder synced by Syncthing")
    (plain,) = place._ground(Ground("disk"))
    assert plain.said.startswith("a disk of this machine")
    assert (carried.state, plain.state) == ("ok", "ok")


def test_rclones_remotes_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared client id and an expired login are named with their hints, an old rclone and none are too."""
    config = {"g": {"type": "drive", "token": '{"access_token":"s","expiry":"2020-01-01T00:00:00Z"}'}}
    fake(tmp_path, monkeypatch, f"case $1 in version) echo rclone v1.66.0;; *) echo '{json.dumps(config)}';; esac")
    found = checked("rclone", machine._rclone)
    assert [it.state for it in found] == ["ok", "warn", "fail"]
    assert "client_id" in found[1].hint
    assert found[2].hint == "Log in again: rclone config reconnect g:"
    fake(tmp_path, monkeypatch, "echo rclone v1.53.3-DEV")
    assert of(checked("rclone", machine._rclone), "rclone").said == "rclone 1.53 is too old"
    (tmp_path / "bin" / "rclone").unlink()
    assert "not installed" in of(checked("rclone", machine._rclone, worst="warn"), "rclone").said


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program called rclone onto the path, alone."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    program = tmp_path / "bin" / "rclone"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_a_clock_that_was_set_back_is_told_and_harms_nothing(tmp_path: Path, settings: Settings) -> None:
    """A run of tomorrow in the database: doctor says so, and a new job is sent as ever."""
    root = make_drop(tmp_path / "drop")
    tomorrow = dataclasses.replace(SYSTEM, wall=lambda: time.time() + 86_400)
    with RunStore.open(settings.database) as store:
        ahead = Client(root, store=store, results=tmp_path / "results", host=tomorrow)
        ahead.submit(Job(kind="echo", params={"text": "tomorrow"}))
        ahead.close()
    assert "clock was set back" in of(list(machine._database(settings)), "clock").hint
    with worker(root), RunStore.open(settings.database) as store:
        now = Client(root, store=store, results=tmp_path / "results")
        assert now.submit(Job(kind="echo", params={"text": "today"})).wait(150).files
        now.close()


def test_a_check_that_cannot_be_made_is_a_finding() -> None:
    """Its error becomes the line, and what the error says to do becomes the hint."""

    def fails() -> list[Finding]:
        raise EnvironmentNotReady("there is no such thing. Install it")

    assert checked("x", fails) == [Finding(check="x", state="fail", said="there is no such thing", hint="Install it")]


def test_a_card_that_lies_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What a worker says of itself steers neither the terminal nor the table."""
    finding = Finding(check="workers", state="ok", said="GPU: [/]\x1b[2J", hint="[red]\x1b]0;x\x07")
    command._show(DoctorReport(findings=[finding]), as_json=False)
    told = capsys.readouterr().out
    assert "GPU: [/]" in told
    assert "→ [red]" in told
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], "ready"),
        (["ok"], "ready"),
        (["ok", "warn"], "ready, 1 warning"),
        (["fail"], "not ready, 1 error"),
        (["warn", "fail", "warn", "fail"], "not ready, 2 errors, 2 warnings"),
    ],
)
def test_the_last_line_counts_errors_and_warnings(
    capsys: pytest.CaptureFixture[str], states: list[Any], told: str
) -> None:
    """Warnings alone do not keep a drop from being ready."""
    findings = [Finding(check="disk", state=state, said="something") for state in states]
    command._show(DoctorReport(findings=findings), as_json=False)
    assert capsys.readouterr().out.splitlines()[-1].strip() == told
