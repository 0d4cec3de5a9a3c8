"""The command of a kind is made of its schema: options, help, and what they mean to the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from typer.testing import CliRunner, Result

from dispatcher.cli.kinds import command_of, options_of
from protocol.errors import NotFoundError, UsageError
from protocol.kinds import KINDS
from protocol.kinds.kind import Kind
from tests.support import odd_media


class Inner(BaseModel):
    """Something that no option can say."""

    a: int = 1


class Params(BaseModel):
    """Improve films and pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(2.0, gt=0, le=8, description="how many times larger")
    model: Literal["auto", "fast"] = Field("auto", description="which model")
    formats: tuple[Literal["mp4", "png"], ...] = Field(("mp4",), description="what to write")
    words: tuple[Annotated[str, Field(max_length=9)], ...] = Field((), description="what to look for")
    sharpen: StrictBool = Field(True, description="make edges clear")
    sheet: StrictBool | None = Field(None, description="make a sheet")
    line_width: int | None = Field(None, ge=1, description="letters in a line")
    parts: tuple[Inner, ...] = Field((), description="no option can say this")
    method: str = Field("plain", description="plain (as it is), or the name of another")
    colours: tuple[Literal["red", "green", "blue"], ...] = Field((), description="which to keep: red green blue")


def fit(raw: Mapping[str, Any], what: str, container: str) -> Mapping[str, Any]:
    if what == "picture" and raw.get("sheet"):
        raise ValueError("a picture has no sheet; leave it out")
    return {**raw, "formats": ["png"]} if what == "picture" else raw


KIND = Kind(
    name="improve",
    params=Params,
    outputs=lambda params: {f"source.improved.{each}": "video/mp4" for each in params.formats},
    takes=("film", "picture"),
    fit=fit,  # type: ignore[arg-type]
)


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(command_of(KIND))
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*map(str, arguments)], catch_exceptions=False)


def planned(*arguments: str | Path) -> dict[str, Any]:
    told = json.loads(run(*arguments, "--dry-run", "--json").stdout)
    assert not told["failed"], told
    return told["planned"][0]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return odd_media.film(tmp_path / "clip.mp4", sound=False)


def test_help_tells_of_every_option() -> None:
    """Names, choices, defaults and meanings come from the schema; what no option can say is left out."""
    told = " ".join(run("--help").stdout.replace("│", " ").split())
    for word in (
        "--scale",
        "--line-width",
        "--no-sharpen",
        "auto|fast",
        "What to look for",
        "(mp4, png)",
        "Default: 2.0",
    ):
        assert word in told, word
    assert "--parts" not in told


def test_help_writes_values_as_they_are_given() -> None:
    """A value that begins a sentence gets no capital, and values that the text names are not named again."""
    told = " ".join(run("--help").stdout.replace("│", " ").split())
    assert "plain (as it is), or the name of another. Default: plain." in told
    assert "Which to keep: red green blue; several with commas." in told
    meanings = {option: meaning for option, _, meaning in options_of(KIND)}
    assert meanings["--method"].startswith("plain (as it is)")
    assert meanings["--colours"] == "Which to keep: red green blue; several with commas"
    assert meanings["--model"] == "Which model (auto, fast)"


def test_help_tells_between_which_numbers_a_value_lies() -> None:
    """From the schema, as everything; once, where the text says it itself; nothing of what has no end."""
    meanings = {option: meaning for option, _, meaning in options_of(KIND)}
    assert meanings["--scale"] == "How many times larger (above 0, at most 8)"
    assert meanings["--line-width"] == "Letters in a line (from 1)"
    assert "(" not in meanings["--sharpen/--no-sharpen"]
    meanings = {option: meaning for option, _, meaning in options_of(KINDS["upscale"])}
    assert meanings["--width"].endswith("the height follows (16 to 16384)")
    assert meanings["--scale"].count("1 to 8") == 1
    assert "(10 to 200)" in {o: m for o, _, m in options_of(KINDS["transcribe"])}["--line-width"]
    told = " ".join(run("--help").stdout.replace("│", " ").split())
    assert "How many times larger (above 0, at most 8). Default: 2.0." in told


def test_only_what_was_given_is_sent(film: Path) -> None:
    """Defaults are the reader's, so that equal wishes have one digest."""
    assert planned(film)["params"] == {}
    given = planned(
        film, "--scale", "3", "--formats", "mp4, png", "--words", "a,b", "--no-sharpen", "--line-width", "40"
    )
    again = planned(film, "--formats", "mp4", "--formats", "png", "--words", "a")
    assert again["params"] == {"formats": ["mp4", "png"], "words": ["a"]}
    assert given["params"] == {
        "scale": 3.0,
        "formats": ["mp4", "png"],
        "words": ["a", "b"],
        "sharpen": False,
        "line_width": 40,
    }


def test_results_lie_beside_the_source_or_in_a_folder(film: Path, tmp_path: Path) -> None:
    """Below that folder as the source lay below the one that was named."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    film.rename(tmp_path / "in" / "deep" / "clip.mp4")
    assert planned(tmp_path / "in")["files"] == [str(tmp_path / "in" / "deep" / "clip.improved.mp4")]
    there = planned(tmp_path / "in", "--out", tmp_path / "out")
    assert there["files"] == [str(tmp_path / "out" / "deep" / "clip.improved.mp4")]


def test_the_kind_suits_itself_to_the_source(tmp_path: Path) -> None:
    """A picture becomes a picture."""
    picture = odd_media.picture(tmp_path / "photo.png")
    assert planned(picture)["files"] == [str(tmp_path / "photo.improved.png")]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--scale", "0"), "--scale: must be more than 0, not 0"),
        (("--scale", "99"), "--scale"),
        (("--formats", "gif"), "^--formats: 'gif' is not one of mp4, png$"),
        (("--words", "far too long a word"), "--words"),
    ],
)
def test_a_wrong_value_is_told_by_its_option(film: Path, arguments: tuple[str, ...], why: str) -> None:
    """Before any file is looked at."""
    with pytest.raises(UsageError, match=why):
        run(film, *arguments)


def test_a_file_of_another_sort_is_wrong_usage(tmp_path: Path) -> None:
    """As wrong options are; one that cannot be read at all is a failure of its own."""
    odd_media.run(["-f", "lavfi", "-i", odd_media.TONE.format(seconds=0.2), tmp_path / "a.wav"])
    assert run(tmp_path / "a.wav").exit_code == 2
    (tmp_path / "a.mp4").write_bytes(b"no film")
    assert run(tmp_path / "a.mp4").exit_code == 1


def test_what_does_not_go_together_is_told(tmp_path: Path) -> None:
    """The file is named, and the exit code is that of wrong usage."""
    picture = odd_media.picture(tmp_path / "photo.png")
    done = run(picture, "--sheet", "--dry-run")
    assert done.exit_code == 2
    assert "a picture has no sheet; leave it out" in done.stderr


def test_one_bad_file_keeps_no_other_from_being_done(film: Path, tmp_path: Path) -> None:
    """What was named and cannot be used is an error at the end; in a folder it is left alone."""
    bad = odd_media.BAD["not media"](tmp_path)
    done = run(film, bad, "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [each["source"] for each in told["planned"]] == [str(film)]
    assert [each["source"] for each in told["failed"]] == [str(bad)]
    assert "error: " in run(bad, "--dry-run").stderr


def test_of_a_folder_only_what_looks_like_media_is_told(film: Path, tmp_path: Path) -> None:
    """Another sort, or no medium at all, is left alone; a film of the user's that is broken is not kept from him."""
    folder = tmp_path / "folder"
    folder.mkdir()
    film.rename(folder / "clip.mp4")
    (folder / "notes.txt").write_text("no medium")
    odd_media.SOUNDS["silence"](folder)
    told = json.loads(run(folder, "--dry-run", "--json").stdout)
    assert [Path(each).name for each in told["left_alone"]] == ["notes.txt", "silence.wav"]
    assert not told["failed"]
    odd_media.BAD["not media"](folder)
    assert run(folder, "--dry-run").exit_code == 1


def test_a_result_of_before_is_not_worked_on_again(film: Path, tmp_path: Path) -> None:
    """A folder that holds a clip and what was made of it holds one source."""
    odd_media.film(tmp_path / "clip.improved.mp4", sound=False)
    for named in (tmp_path, tmp_path / "*.mp4"):
        told = json.loads(run(named, "--dry-run", "--json").stdout)
        assert [each["source"] for each in told["planned"]] == [str(film)]


def test_what_would_share_a_name_keeps_its_suffix(film: Path, tmp_path: Path) -> None:
    """A photograph and a film of one name, in one folder, are both worked on; alone, each is called as ever."""
    odd_media.film(film.with_suffix(".mkv"), sound=False, seconds=0.5)
    told = json.loads(run(tmp_path, "--dry-run", "--json").stdout)
    names = sorted(Path(place).name for each in told["planned"] for place in each["files"])
    assert names == ["clip.mkv.improved.mp4", "clip.mp4.improved.mp4"]
    told = json.loads(run(film, "--dry-run", "--json").stdout)
    assert [Path(place).name for place in told["planned"][0]["files"]] == ["clip.improved.mp4"]
    odd_media.film(film.with_name("clip.mp4.mkv"), sound=False, seconds=0.5)  # whose name is one of the new ones
    for result in ("clip.improved.mp4", "clip.mp4.improved.mp4"):
        odd_media.film(film.with_name(result), sound=False, seconds=0.5)
    told = json.loads(run(tmp_path, "--dry-run", "--json").stdout)
    names = sorted(Path(place).name for each in told["planned"] for place in each["files"])
    assert names == ["clip.mkv.improved.mp4", "clip.mp4.improved.mp4", "clip.mp4.mkv.improved.mp4"]


def test_two_sources_cannot_share_a_name(film: Path, tmp_path: Path) -> None:
    """Neither is lost: both are named, and nothing is done."""
    other = tmp_path / "other" / "clip.mp4"
    other.parent.mkdir()
    odd_media.film(other, sound=False, seconds=0.5)
    with pytest.raises(UsageError, match="would both become"):
        run(film, other, "--out", tmp_path / "out", "--dry-run")


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    """A folder without a usable file is an error of its own."""
    (tmp_path / "notes.txt").write_text("no medium")
    with pytest.raises(NotFoundError, match="nothing to improve"):
        run(tmp_path, "--dry-run")


def test_a_drop_is_for_work_that_is_sent(film: Path) -> None:
    """Naming one without sending anything is a mistake, not a wish to be passed over."""
    with pytest.raises(UsageError, match="--backend colab"):
        run(film, "--drop", "somewhere", "--dry-run")


def test_a_tag_is_what_it_is_everywhere(film: Path) -> None:
    """One that `runs tag` and the dashboard would refuse is refused before any work."""
    for tag in ("a,b", "", " a", "x" * 65, "bell\a"):
        with pytest.raises(UsageError, match="is no tag: write 1 to 64 characters without commas"):
            run(film, "--tag", tag, "--dry-run")
    assert run(film, "--tag", "the race of may", "--tag", "x" * 64, "--dry-run").exit_code == 0
