"""What the notebook's last cell does before it serves: consent, and the model of the voices."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from colab import cell, notebook
from colab.config import WorkerSettings
from colab.ending import Reason, SessionEnding
from colab.handlers.tts.engines import FILES
from colab.models import Models
from protocol.errors import ChannelLost, EnvironmentNotReady, JobFailed, UsageError
from protocol.transports.failures import channel_error


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which drops are served, instead of serving them."""
    drops: list[str] = []
    monkeypatch.setattr(notebook, "make_worker", lambda settings, bench: settings)

    def serve(settings: WorkerSettings) -> SessionEnding:
        drops.append(settings.drop)
        return SessionEnding(Reason.IDLE, "no job")

    monkeypatch.setattr(notebook, "serve_until_signalled", serve)
    return drops


def test_without_consent_nothing_starts(served: list[str]) -> None:
    """The form has to be ticked; neither a download nor a worker begins before."""
    with pytest.raises(UsageError, match="policy"):
        notebook.run("memory:d", engines="voices")
    assert served == []


def test_the_voices_are_fetched_before_the_worker_serves(
    served: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every file of the engine, once, with no worker announced meanwhile; without a word in the form none."""
    asked: list[str] = []

    def fetch(_: Models, name: str) -> Path:
        assert served == []
        asked.append(name)
        return tmp_path

    monkeypatch.setattr(Models, "path", fetch)
    notebook.run("memory:d", consent=True, engines="voices")
    assert tuple(asked) == FILES["kokoro-onnx"]
    notebook.run("memory:d", consent=True)
    assert tuple(asked) == FILES["kokoro-onnx"]
    assert served == ["memory:d", "memory:d"]


def test_voices_that_cannot_be_had_do_not_stop_the_worker(served: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No network for the model: that is said, and the embedded engine serves."""

    def fail(_: Models, name: str) -> Path:
        raise JobFailed(f"{name}: no network", code="UNSUPPORTED")

    told: list[str] = []
    monkeypatch.setattr(Models, "path", fail)
    monkeypatch.setattr(notebook.log, "error", lambda text, *values: told.append(text % values))
    notebook.run("memory:d", consent=True, engines="voices")
    assert served == ["memory:d"]
    assert "no network" in told[0]
    assert "embedded" in told[0]


def test_a_word_that_is_no_engine_is_told_before_anything_is_fetched(served: list[str]) -> None:
    """A slip in the form ends the cell, and no worker serves with less than was asked for."""
    with pytest.raises(UsageError, match="unknown engine voixes"):
        notebook.run("memory:d", consent=True, engines="voixes")
    assert served == []


def test_one_model_that_cannot_be_had_does_not_keep_the_others_away(
    served: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each model is tried."""
    asked: list[str] = []

    def fetch(_: Models, name: str) -> Path:
        asked.append(name.partition("/")[0])
        if name.startswith("clip"):
            raise JobFailed("gone", code="UNSUPPORTED")
        return tmp_path

    monkeypatch.setattr(Models, "path", fetch)
    notebook.run("memory:d", consent=True, engines="vision")
    assert list(dict.fromkeys(asked)) == ["clip-vit-base-patch32", "blip-image-captioning-base"]
    assert served == ["memory:d"]


def test_a_dead_drive_mount_is_told_with_what_brings_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errno 107 on Colab names force_remount, through whatever error it comes; elsewhere, or for another error, not."""
    dead = OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
    lost = channel_error("_drop.json", dead)
    lost.__cause__ = dead
    assert cell.remounted(lost) == ""
    monkeypatch.setattr(cell, "on_colab", lambda: True)
    assert 'run drive.mount("/content/drive", force_remount=True) in another one' in cell.remounted(lost)
    assert cell.remounted(EnvironmentNotReady("no key")) == ""
    with pytest.raises(ChannelLost) as shown, cell.shown_plainly():
        raise lost
    [line] = shown.value._render_traceback_()  # type: ignore[attr-defined]
    assert "_drop.json cannot be reached: Transport endpoint is not connected. Is the mount up? Google Drive's" in line
    assert line.endswith("then run this one again")


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_no_error_of_a_drop_promises_what_its_reader_may_not_do(number: int) -> None:
    """Whether it is tried again is for whoever tries to say: the process that shows the error may be at its end."""
    assert "again" not in str(channel_error("a", OSError(number, os.strerror(number)))).replace("run it again", "")
