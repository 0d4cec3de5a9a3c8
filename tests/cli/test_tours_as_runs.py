"""Tours among the runs: every command of `gpudrop runs` takes one by its id, and lists show it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.config import Settings
from dispatcher.runs.record import Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.tour.registry import RegisteredTour, log_of, registered
from protocol.errors import GpudropError, StepFailed, UsageError
from tests.support.sessions import session

TOUR = "261130-120000-0badcafe"


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """Return its JSON."""
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("GPUDROP_MACHINE", "here")
    return Settings()


@pytest.fixture
def store(settings: Settings) -> Iterator[RunStore]:
    with RunStore.open(settings.database) as opened:
        yield opened


@pytest.fixture
def gpudrop(settings: Settings) -> Command:
    def run(*arguments: str | Path) -> Said:
        result = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*map(str, arguments)])
        if isinstance(result.exception, GpudropError):
            return Said(result.exception.exit_code, result.stdout, f"{result.stderr}{result.exception}")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


def tour(store: RunStore, **changed: Any) -> Group:
    """Add a tour that failed a minute ago, and one run that was made for it."""
    now = time.time()
    made = Group(
        id=TOUR,
        sort="tour",
        title="Small tour",
        created_at=now - 60,
        ended_at=now - 30,
        status="failed",
        error_text="step 'one' failed",
        machine="here",
        execution_config={"command": ["tour.json", "--zoom", "auto"], "cwd": "/nowhere"},
    )
    made = replace(made, **changed)
    assert store.tours.begin(made)
    narration = Run(
        id="261130-120001-aaaaaaaa",
        key="k",
        kind="tts",
        status="pending",
        drop="/drop",
        drop_id="d" * 16,
        job="261130-120001-aaaaaaaa",
        digest="d",
        request=b"{}",
        created_at=now - 55,
        updated_at=now - 55,
        title="2 step(s) of narration",
        group_id=made.id,
    )
    store.add_or_find(narration)
    store.commit(narration.id, "completed", at=now - 50)
    return made


def begun(settings: Settings) -> AbstractContextManager[RegisteredTour]:
    """Return a tour that this process makes for the length of a block."""
    return registered("x", session(Path("w"), settings=settings, spec_path=Path("t.json"), group=TOUR), video=None)


def test_lists_show_tours_and_filters_hold_for_them(gpudrop: Command, store: RunStore) -> None:
    """A tour is a line like any other: by kind, status, text and time."""
    tour(store)
    both = ["261130-120001-aaaaaaaa", TOUR]
    assert [it["id"] for it in gpudrop("runs", "ls", "--json").told["runs"]] == both
    for chosen in (["--kind", "tour"], ["--status", "bad"], ["small"], ["--kind", "tour", "--since", "2m"]):
        assert [it["id"] for it in gpudrop("runs", "ls", *chosen, "--json").told["runs"]] == [TOUR], chosen
    for left_out in (
        ["--status", "completed"],
        ["--kind", "tts"],
        ["--tag", "night"],
        ["--kind", "tour", "--until", "1h"],
    ):
        assert TOUR not in [it["id"] for it in gpudrop("runs", "ls", *left_out, "--json").told["runs"]], left_out
    line = gpudrop("runs", "ls", "--kind", "tour").out.splitlines()[1]
    assert line.split()[:3] == ["0badcafe", "tour", "failed"]


@pytest.mark.parametrize("name", [TOUR, "0badcafe", "261130-120000", "0bad", "small tour", "Small Tour", "last"])
def test_a_tour_is_shown_by_any_of_its_names(gpudrop: Command, store: RunStore, name: str) -> None:
    """By id, the beginning of it or of its last part, title, and as the last thing asked for."""
    tour(store)
    told = gpudrop("runs", "show", name, "--json").told
    assert (told["id"], told["kind"], told["status"]) == (TOUR, "tour", "failed")
    assert [it["kind"] for it in told["runs"]] == ["tts"]
    shown = gpudrop("runs", "show", name).out
    assert "step 'one' failed" in shown
    assert "gpudrop runs retry 0badcafe" in shown


def test_a_beginning_that_fits_a_tour_and_a_run_is_ambiguous(gpudrop: Command, store: RunStore) -> None:
    """Nothing is guessed; and a command that takes runs only says what it was given."""
    tour(store)
    said = gpudrop("runs", "show", "261130")
    assert (said.code, "may be more than one" in said.err) == (2, True)
    said = gpudrop("runs", "tag", TOUR, "night")
    assert said.code == 2
    assert "is a tour" in said.err


def test_logs_print_what_a_tour_told(gpudrop: Command, store: RunStore, settings: Settings) -> None:
    """Its log, how it ended, and where those of its runs are; secrets that got in are not printed."""
    tour(store)
    log = log_of(settings, TOUR)
    log.parent.mkdir(parents=True)
    log.write_text("narration …\nGET http://ann:s3cr3t-pw@host/x\n")
    out = gpudrop("runs", "logs", TOUR).out
    assert out.startswith("narration …\nGET http://<removed>@host/x\n")
    assert "failed: step 'one' failed" in out
    assert "gpudrop runs logs aaaaaaaa" in out
    assert gpudrop("runs", "logs", TOUR, "-n", "1", "--json").told["lines"] == ["GET http://<removed>@host/x"]
    assert gpudrop("runs", "logs", "-f", TOUR).out.count("narration …") == 1


def test_the_tree_has_tours_above_their_runs(gpudrop: Command, store: RunStore) -> None:
    """Named or not; with --tag only chains that hold a run of that tag."""
    tour(store)
    for chosen in ([], [TOUR]):
        told = gpudrop("runs", "tree", *chosen, "--json").told["runs"]
        assert [(it["kind"], it["depth"]) for it in told] == [("tour", 0), ("tts", 1)]
    assert gpudrop("runs", "tree", "--tag", "night", "--json").told["runs"] == []
    store.trace.tag("261130-120001-aaaaaaaa", add=["night"])
    assert [it["kind"] for it in gpudrop("runs", "tree", "--tag", "night", "--json").told["runs"]] == ["tts"]
    assert gpudrop("runs", "tree", TOUR, "--tag", "night").code == 2


def test_status_counts_tours_and_shows_open_ones(gpudrop: Command, store: RunStore, settings: Settings) -> None:
    """One whose process is there is running; one whose process is gone has crashed, and says so."""
    with begun(settings):
        told = gpudrop("status", "--no-look", "--json").told
        assert [(it["id"], it["status"]) for it in told["runs"]] == [(TOUR, "running")]
        assert told["counts"] == {"running": 1}
        assert gpudrop("runs", "rm", TOUR, "--yes").code == 2
        assert gpudrop("runs", "retry", TOUR).code == 2
    gone = Group(id="261130-130000-dead0000", sort="tour", title="x", created_at=time.time() - 3600, machine="here")
    store.tours.begin(gone)
    told = gpudrop("runs", "ls", "--kind", "tour", "--json").told["runs"]
    assert {it["id"]: it["status"] for it in told} == {TOUR: "completed", gone.id: "crashed"}
    elsewhere = replace(gone, id="261130-140000-far00000", machine="there")
    store.tours.begin(elsewhere)
    assert gpudrop("runs", "show", elsewhere.id, "--json").told["status"] == "running"
    said = gpudrop("runs", "cancel", elsewhere.id)
    assert (said.code, "there" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "cancelled"), (StepFailed("no", step="one"), "failed")]
)
def test_how_a_tour_ends_is_remembered(store: RunStore, settings: Settings, error: BaseException, status: str) -> None:
    """An interrupt is a cancellation and no failure; of a failed step it is known which."""
    with pytest.raises(type(error)), begun(settings):
        raise error
    found = store.search.group(TOUR)
    assert found.status == status
    assert (found.execution_config.get("failed") or {}).get("step") == (None if status == "cancelled" else "one")


def test_removing_a_tour_takes_its_runs_and_asks(gpudrop: Command, store: RunStore, settings: Settings) -> None:
    """Without a terminal nothing is removed unless --yes is given; the log goes too."""
    tour(store)
    log_of(settings, TOUR).parent.mkdir(parents=True)
    log_of(settings, TOUR).write_text("x")
    said = gpudrop("runs", "rm", TOUR)
    assert (said.code, "--yes" in said.err) == (2, True)
    assert gpudrop("runs", "rm", TOUR, "--yes").out.startswith("removed 1 run and 1 tour")
    assert gpudrop("runs", "ls", "--json").told["runs"] == []
    assert not log_of(settings, TOUR).exists()


def test_pruning_forgets_old_tours(gpudrop: Command, store: RunStore) -> None:
    """A tour stays when one of its runs is removed, and goes by its age, status and kind."""
    tour(store)
    assert gpudrop("runs", "rm", "aaaaaaaa", "--yes").code == 0
    assert [it["id"] for it in gpudrop("runs", "ls", "--json").told["runs"]] == [TOUR]
    gpudrop("runs", "prune", "--older-than", "1h", "--yes")
    gpudrop("runs", "prune", "--status", "completed", "--yes")
    gpudrop("runs", "prune", "--older-than", "10s", "--kind", "upscale", "--yes")
    assert [it["id"] for it in gpudrop("runs", "ls", "--json").told["runs"]] == [TOUR]
    gpudrop("runs", "prune", "--older-than", "10s", "--kind", "tour", "--yes")
    assert gpudrop("runs", "ls", "--json").told["runs"] == []


def test_a_tour_that_cannot_be_repeated_says_why(gpudrop: Command, store: RunStore) -> None:
    """Its folder is gone, its command held a password, or no command made it."""
    made = tour(store)
    assert (said := gpudrop("runs", "retry", TOUR)).code == 3
    assert "/nowhere" in said.err
    held = {"command": ["tour.json", "--base-url", "http://ann:s3cr3t-pw@host"], "cwd": "/"}
    store.tours.begin(replace(made, id="261130-150000-11111111", execution_config=held))
    said = gpudrop("runs", "retry", "11111111")
    assert (said.code, "contained a password" in said.err) == (2, True)
    store.tours.begin(replace(made, id="261130-160000-22222222", execution_config={}))
    assert "by a command" in gpudrop("runs", "rerun", "22222222").err
    store.tours.begin(replace(made, id="261130-170000-33333333", status="completed"))
    assert "runs rerun" in gpudrop("runs", "retry", "33333333").err


def test_a_batch_is_named_like_a_tour(gpudrop: Command, store: RunStore) -> None:
    """Shown and removed with its runs; only its runs can be repeated."""
    tour(store, sort="batch")
    assert gpudrop("runs", "show", TOUR, "--json").told["kind"] == "batch"
    assert gpudrop("runs", "cancel", TOUR).code == 1
    said = gpudrop("runs", "retry", TOUR)
    assert (said.code, "is a batch" in said.err) == (2, True)


def test_a_tour_cancelled_before_it_began_does_not_begin(store: RunStore, settings: Settings) -> None:
    """Its process finds that out and makes nothing."""
    tour(store, status="cancelled")
    with pytest.raises(GpudropError, match="cancelled before it began"), begun(settings):
        raise UsageError("it began")


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--detach"]])
def test_a_missing_drop_is_found_before_a_tour_begins(
    gpudrop: Command, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    """Without a drop, a tour that asks for workers elsewhere ends with exit code 6, and no tour is registered."""
    monkeypatch.setenv("GPUDROP_DROP", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = tmp_path / "tour.json"
    spec.write_text(json.dumps({"steps": [{"id": "a", "url": "about:blank", "narration": "Hello."}]}))
    said = gpudrop("tour", spec, "--tts-backend", "colab", *more)
    assert said.code == 6
    assert "no drop was found" in said.err
    assert "by its text" not in said.err
    assert store.tours.find(Query()) == []
    assert not (tmp_path / ".tour-work").exists()
