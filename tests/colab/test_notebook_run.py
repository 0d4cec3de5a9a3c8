"""What the notebook's last cell does before it serves: consent, and the model of the voices."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab import cell, notebook
from colab.config import WorkerSettings
from colab.ending import Reason, SessionEnding
from colab.models import Models
from protocol.errors import ChannelLost, EnvironmentNotReady, JobFailed, UsageError
from protocol.transports.failures import channel_error

KOKORO_FILES = ("kokoro-v1.0-durations.onnx", "voices-v1.0.bin")


class Serving:
    """Stands for the worker: records which drops were served."""

    def __init__(self) -> None:
        self.drops: list[str] = []

    def __call__(self, settings: WorkerSettings) -> SessionEnding:
        """Serve a drop, and end at once."""
        self.drops.append(settings.drop)
        return SessionEnding(Reason.IDLE, "no job")


class Downloads(Models):
    """Model files that are downloaded by `download`, which gets their names."""

    def __init__(self, download: Callable[[str], Path]) -> None:
        self.download = download

    def path(self, name: str) -> Path:
        """Download a file."""
        return self.download(name)


def run(served: Serving, download: Callable[[str], Path] | None = None, **form: Any) -> None:
    """Run the last cell."""
    models = Models if download is None else lambda places: Downloads(download)
    notebook.run("memory:d", serve=served, models=models, **form)


@pytest.fixture
def served() -> Serving:
    """Return a stand-in for the worker."""
    return Serving()


def test_without_consent_nothing_starts(served: Serving) -> None:
    """The form has to be ticked; neither a download nor a worker begins before."""
    with pytest.raises(UsageError, match="policy"):
        run(served, engines="voices")
    assert served.drops == []


def test_the_voices_are_downloaded_before_the_worker_serves(served: Serving, tmp_path: Path) -> None:
    """Every file of the engine, once, with no worker announced meanwhile; with no engine in the form none."""
    asked: list[str] = []

    def download(name: str) -> Path:
        assert served.drops == []
        asked.append(name)
        return tmp_path

    run(served, download, consent=True, engines="voices")
    assert tuple(asked) == KOKORO_FILES
    run(served, download, consent=True)
    assert tuple(asked) == KOKORO_FILES
    assert served.drops == ["memory:d", "memory:d"]


def test_voices_that_are_not_available_do_not_stop_the_worker(
    served: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    """No network for the model: the cell says so, and the embedded engine serves."""

    def fail(name: str) -> Path:
        raise JobFailed(f"{name}: no network", code="UNSUPPORTED")

    run(served, fail, consent=True, engines="voices")
    assert served.drops == ["memory:d"]
    assert "no network. The embedded engine is used instead" in capsys.readouterr().out


def test_an_unknown_engine_is_an_error_before_anything_is_downloaded(served: Serving) -> None:
    """A typing mistake in the form ends the cell, and no worker serves with less than was asked for."""
    with pytest.raises(UsageError, match="unknown engine voixes"):
        run(served, consent=True, engines="voixes")
    assert served.drops == []


def test_one_model_that_is_not_available_does_not_keep_the_others_away(served: Serving, tmp_path: Path) -> None:
    """Each model is tried."""
    asked: list[str] = []

    def download(name: str) -> Path:
        asked.append(name.partition("/")[0])
        if name.startswith("clip"):
            raise JobFailed("gone", code="UNSUPPORTED")
        return tmp_path

    run(served, download, consent=True, engines="vision")
    assert list(dict.fromkeys(asked)) == ["clip-vit-base-patch32", "blip-image-captioning-base"]
    assert served.drops == ["memory:d"]


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
