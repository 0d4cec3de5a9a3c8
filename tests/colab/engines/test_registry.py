"""The one policy by which a job gets its engine, rule by rule as docs/why/engine-choice.md states it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colab.engines.registry import EngineNotSetUp, EngineRow, EngineTable, Opening, pull_command
from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed

MODEL = "realesrgan-x4plus"


@dataclass(frozen=True)
class Engine:
    """An engine that may need a file."""

    name: str
    needs: tuple[str, ...] = ()

    def files(self) -> tuple[str, ...]:
        return self.needs


def row(name: str, *needs: str, fails: JobFailed | None = None, **more: Any) -> EngineRow[str, Engine]:
    def opened(_: Opening[str]) -> Engine:
        if fails is not None:
            raise fails
        return Engine(name, needs)

    return EngineRow(name=name, open=opened, **more)


def table(*rows: EngineRow[str, Engine]) -> EngineTable[str, Engine]:
    return EngineTable(kind="work", rows=rows, any_job="any", names_model=lambda job: job == "named")


@pytest.fixture
def offline(tmp_path: Path) -> Models:
    """Return a worker without model files that may not download any."""
    return Models(ModelPlaces(folder=tmp_path, offline=True))


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Models, list[str]]:
    """Return a worker whose downloads fail, and the list of those it tried."""
    asked: list[str] = []
    models = Models(ModelPlaces(folder=tmp_path))

    def path(name: str) -> Path:
        asked.append(name)
        raise JobFailed("no network", code="UNSUPPORTED")

    monkeypatch.setattr(models, "path", path)
    return models, asked


def broken(words: str = "it is broken") -> JobFailed:
    return JobFailed(words, code="UNSUPPORTED")


def test_the_best_engine_that_is_ready_does_the_job(offline: Models) -> None:
    """Rows are best first; one whose model file is not here is passed over, and the result says how to get it."""
    choice = table(row("large", MODEL), row("small"), row("smaller")).choose(offline, "any")
    assert choice.engine.name == "small"
    assert choice.passed_over == (f"large: its model is not on this worker: gpudrop models pull {MODEL}",)


def test_a_required_engine_is_never_replaced(offline: Models) -> None:
    """It fails with its own reason, whatever else could do the job, and whether it suits the job or not."""
    engines = table(row("large", fails=broken()), row("small", suits=lambda _: False))
    with pytest.raises(JobFailed, match=r"^large: it is broken$"):
        engines.choose(offline, "any", "large")
    assert engines.choose(offline, "any", "small").engine.name == "small"
    with pytest.raises(JobFailed, match="'huge' is not on this worker; it has: large, small") as failed:
        engines.choose(offline, "any", "huge")
    assert failed.value.code == "UNSUPPORTED"


def test_nothing_is_downloaded_for_a_job_that_names_nothing(online: tuple[Models, list[str]]) -> None:
    """A name or a requirement is what a download is worth."""
    models, asked = online
    engines = table(row("large", MODEL), row("small"))
    assert engines.choose(models, "any").engine.name == "small"
    assert asked == []
    named = engines.choose(models, "named")
    assert asked == [MODEL]
    assert named.passed_over == (f"large: no network. Where there is a network: gpudrop models pull {MODEL}",)


def test_a_download_that_failed_is_not_tried_at_each_job(online: tuple[Models, list[str]]) -> None:
    """Unless no other engine may do the job."""
    models, asked = online
    engines = table(row("large", MODEL), row("small"))
    for _ in range(3):
        (reason,) = engines.choose(models, "named").passed_over
    assert asked == [MODEL]
    assert "could not be downloaded before" in reason
    for _ in range(2):
        with pytest.raises(JobFailed, match="no network"):
            engines.choose(models, "any", "large")
    assert asked == [MODEL] * 3


def test_a_worker_that_is_offline_says_what_it_lacks(offline: Models) -> None:
    """And the command for a machine that is not."""
    with pytest.raises(JobFailed, match=f"offline and lacks {MODEL}.*gpudrop models pull {MODEL}$") as failed:
        table(row("large", MODEL)).choose(offline, "any", "large")
    assert failed.value.code == "UNSUPPORTED"


def test_a_package_that_is_not_installed_is_named_with_the_command(offline: Models) -> None:
    """The engine's module is not imported to find that out."""
    large = row("large", fails=AssertionError(), packages=("json", "no_such_package"), extra="upscale")  # type: ignore[arg-type]
    (reason,) = table(large, row("small")).choose(offline, "any").passed_over
    assert reason.startswith("large: no_such_package not installed here: ")
    assert "gpudrop[upscale]" in reason


@pytest.mark.parametrize(
    ("problem", "more", "is_reported"),
    [
        (broken, {}, True),
        (broken, {"report_missing": False}, True),
        (lambda: EngineNotSetUp("not here"), {}, True),
        (lambda: EngineNotSetUp("not here"), {"report_missing": False}, False),
        (lambda: JobFailed("not its language", code="BAD_REQUEST"), {}, False),
    ],
)
def test_what_the_reader_can_change_is_reported(
    offline: Models,
    caplog: pytest.LogCaptureFixture,
    problem: Callable[[], JobFailed],
    more: dict[str, Any],
    is_reported: bool,
) -> None:
    """In the result, and in the worker's log as a warning; all else is information in the log."""
    caplog.set_level(logging.INFO)
    choice = table(row("large", fails=problem(), **more), row("small")).choose(offline, "any")
    assert bool(choice.passed_over) == is_reported
    (record,) = caplog.records
    assert record.levelno == (logging.WARNING if is_reported else logging.INFO)
    assert "the work engine large is not used" in record.getMessage()


def test_what_is_lost_is_said_first(offline: Models) -> None:
    """Some engines only add to what another one does."""
    seeing = row("eyes", fails=EngineNotSetUp("not here"), without=lambda job: f"tags of {job}")
    assert table(seeing, row("small")).choose(offline, "any").passed_over == ("no tags of any (eyes): not here",)


def test_if_none_can_do_it_all_reasons_are_given(offline: Models) -> None:
    """The best engine's last, with its code; but a mistake in the request outweighs what the worker lacks."""
    crowded = JobFailed("too large", code="OUT_OF_MEMORY")
    with pytest.raises(JobFailed, match=r"^small: it is broken; large: too large$") as failed:
        table(row("large", fails=crowded), row("small", fails=broken())).choose(offline, "any")
    assert failed.value.code == "OUT_OF_MEMORY"
    wrong = JobFailed("no such language", code="BAD_REQUEST")
    with pytest.raises(JobFailed, match=r"^small: no such language$") as failed:
        table(row("large", fails=broken()), row("small", fails=wrong)).choose(offline, "any")
    assert failed.value.code == "BAD_REQUEST"


def test_the_card_lists_what_is_ready_first(tmp_path: Path) -> None:
    """Then what can be downloaded, then what does only what no other one does; offline nothing can be."""
    engines = table(row("clone", is_last=True), row("large", MODEL), row("dead", fails=broken()), row("small"))
    online, offline = (Models(ModelPlaces(folder=tmp_path, offline=off)) for off in (False, True))
    assert [engine.name for engine in engines.available(online)] == ["small", "large", "clone"]
    assert [engine.name for engine in engines.available(offline)] == ["small", "clone"]


def test_the_command_downloads_all_that_is_lacking() -> None:
    """Each model once, for its many files; a model of the owner's has no command."""
    files = ["f5-tts-v1-base/vocab.txt", "f5-tts-v1-base/model_1250000.safetensors", "vocos-mel-24khz/config.yaml"]
    assert pull_command(files) == "gpudrop models pull f5-tts-v1-base vocos-mel-24khz"
    assert pull_command(["somebodys-own"]) == ""
