"""A real worker that demands signatures: it serves who it trusts, and tells nobody's secrets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs.job import Job
from protocol import codec
from protocol.messages import Limits, Offer, Request
from protocol.observation import read_drop_id
from protocol.signing import Identity, Key, new_key, trusting
from protocol.transports import open_drop
from tests.support.drops import OFFLINE, ROOT, client, make_drop, wait_for, worker

OURS, THEIRS = new_key("dispatcher"), new_key("worker")
TOKEN = "hf_abcdefghijklmnopqrst"


def offer(drop: Path, job: str, key: Key | None, *, kind: str = "echo", not_after: float = 4e9, **params: Any) -> None:
    """Put a request into a drop, signed by anybody."""
    params = params or {"text": "forged"}
    drop_id = read_drop_id(open_drop(drop), "test")
    digest = codec.digest(kind, params, {}, {})
    limits = Limits(not_after=not_after)
    made = Offer(drop=drop_id, id=job, dispatcher="d" * 16, kind=kind, digest=digest, limits=limits)
    (drop / job).mkdir()
    (drop / job / "request.json").write_bytes(codec.encode(Request(params=params, job=made), key))


def tells(drop: Path, job: str, why: str) -> bool:
    """Say whether a line of the worker's log tells of a job."""
    return any(job in line and why in line for line in drop.with_suffix(".log").read_text().splitlines())


@pytest.mark.fault("forged-message")
def test_only_those_it_trusts_are_served(tmp_path: Path) -> None:
    """Unsigned, plain, foreign, replayed and outdated requests are left alone and told of; the signed job is done.

    A planted token reaches neither the worker's log nor anything that it writes into the drop.
    """
    drop = make_drop(tmp_path / "drop")
    offer(drop, "a-unsigned", None)
    offer(drop, "b-foreign", new_key("dispatcher"))
    offer(drop, "c-old", OURS, not_after=1.0)
    offer(drop, "d-signed", OURS)
    offer(drop, "d-wrong", OURS, kind="tts", language=TOKEN, steps=[{"id": "a", "narration": "x"}])
    (drop / "e-replayed").mkdir()
    (drop / "e-replayed" / "request.json").write_bytes((drop / "d-signed" / "request.json").read_bytes())
    (drop / "f-plain").mkdir()
    (drop / "f-plain" / "request.json").write_text(json.dumps({"voice": "x", "steps": [{"id": "a", "narration": "x"}]}))
    env = {
        "GPUDROP_WORKER_AUTH": "require",
        "GPUDROP_WORKER_KEY": THEIRS.spell_secret(),
        "GPUDROP_WORKER_TRUST": str(OURS.public),
    }
    me = Identity(key=OURS, trust=trusting("require", (THEIRS.public,), OURS))
    with worker(drop, env=env), client(drop, tmp_path / "data", me) as c:
        assert c.submit(Job(kind="echo", params={"text": "mine"})).wait(60).files["echo.txt"].read_text() == "mine"
        told = {"a-unsigned": "not signed", "b-foreign": "not trusted", "c-old": "not_after", "f-plain": "simple form"}
        wait_for(lambda: all(tells(drop, job, why) for job, why in told.items()))
        wait_for(lambda: len(list(drop.glob("d-*/*.marker"))) == 2)
    assert {path.parent.name[:2] for path in drop.glob("*/try-*")} == {"d-", str(time.gmtime().tm_year)[2:]}
    assert len(list(drop.glob("d-wrong/*.error.marker"))) == 1
    log = (tmp_path / "drop.log").read_text()
    said = [path.read_text(errors="replace") for path in drop.glob("*/try-*")]
    assert len(said) > 4
    assert not [text for text in (log, *said) if TOKEN in text or THEIRS.spell_secret()[-43:] in text]


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        ({}, "gpudrop key new"),
        ({"GPUDROP_WORKER_KEY": OURS.spell_secret()}, "is a dispatcher's key"),
        ({"GPUDROP_WORKER_KEY": THEIRS.spell_secret()}, "GPUDROP_WORKER_TRUST"),
    ],
)
def test_a_worker_without_what_require_needs_does_not_start(tmp_path: Path, env: dict[str, str], hint: str) -> None:
    """Exit 6 and one line with the hint, before anything is written to the drop."""
    drop = make_drop(tmp_path / "drop")
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "colab", "--drop", str(drop), "--auth", "require"]
    done = subprocess.run(command, cwd=ROOT, env={**OFFLINE, **home, **env}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.splitlines())) == (6, 1)
    assert hint in done.stderr
    assert [path.name for path in drop.iterdir()] == ["_drop.json"]
