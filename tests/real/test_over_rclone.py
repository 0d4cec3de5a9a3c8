"""Whole jobs whose sides meet only on a remote that rclone knows, with no mount."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dispatcher.cli.init import init
from dispatcher.jobs import Job
from protocol.messages import ClaimTerms
from protocol.transports.rclone import RcloneDrop
from tests.support.drops import client, make_drop, worker
from tests.support.rclone import needs_rclone, serve

pytestmark = needs_rclone

NARRATION = {"steps": [{"id": f"s{k}", "narration": f"This is sentence number {k}."} for k in range(12)]}


def test_a_job_over_a_served_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker and a client that meet only on a WebDAV server, both through rclone, finish a narration."""
    with serve("webdav", tmp_path / "served") as server:
        make_drop(tmp_path / "served" / "drop")
        (tmp_path / "rclone.conf").write_text(server.config("dav"))
        monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
        drop = RcloneDrop("dav:drop")
        with (
            worker(tmp_path / "w", "--drop", "rclone:dav:drop", "--beat", "2", "--poll", "0.5", env=os.environ),
            client(drop, tmp_path / "data") as here,
        ):
            here.poll_s, here.terms = 0.5, ClaimTerms(settle_s=1, lease_s=60)
            result = here.submit(Job(kind="tts", params=NARRATION)).wait(60)
        assert len(result.files) == 24
        assert drop.operations["write"] == 2  # the request and the mirror of the acceptance


def test_init_makes_a_drop_on_a_remote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gpudrop init --drop rclone:…` makes the folder, the card and the package there."""
    init(f"rclone::local:{tmp_path / 'a' / 'drop'}", json_=True)
    assert json.loads(capsys.readouterr().out)["drop"].startswith("rclone:")
    assert (tmp_path / "a" / "drop" / "_drop.json").is_file()
    assert list((tmp_path / "a" / "drop" / "_dist").glob("1-*/gpudrop-*.whl"))
