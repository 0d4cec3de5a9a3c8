"""Steady films: measured in the pictures, with everything beside the picture kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.stabilize import StabilizeHandler, checkpoints, motions
from colab.handlers.stabilize.detect import HALF_FROM, Detector, looks
from media import confined
from media.ffmpeg import find
from protocol.errors import JobFailed
from protocol.kinds import stabilize
from protocol.kinds.stabilize import Params
from tests.support import odd_media, shake

FASTEST = {"preset": "ultrafast", "quality": 16}


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that shakes by a known amount."""
    path = tmp_path_factory.mktemp("shaky") / "shaky.mp4"
    shake.film(path, (256, 192), 31)
    return path


def steady(source: Path, folder: Path, handler: StabilizeHandler | None = None, **raw: Any) -> FakeWorkbench:
    desk = FakeWorkbench(
        kind="stabilize", raw=FASTEST | raw, folder=folder, sources={"source": source}, handler=handler
    )
    desk.run()
    return desk


def the_film(desk: FakeWorkbench) -> Path:
    return desk.output(desk.published[0])


def times(path: Path) -> list[float]:
    with av.open(str(path)) as film:
        return [round(float(frame.pts * frame.time_base), 3) for frame in film.decode(video=0)]


def test_the_shake_is_gone(shaky: Path, tmp_path: Path) -> None:
    """What is left in the pictures is a fraction of what was there."""
    before = shake.residual(shaky)
    after = shake.residual(the_film(steady(shaky, tmp_path / "desk")))
    assert after.pixels < before.pixels / 2.5
    assert after.degrees < before.degrees / 1.5


def error(detection: str, source: Path, made: shake.Shake, folder: Path) -> tuple[float, float]:
    """Return how far detected motion is from the motion that was made: pixels, degrees."""
    media = confined.examine(source)
    assert media.picture is not None
    folder.mkdir()
    detector = Detector(
        ffmpeg=find(),
        path=source,
        container=media.container,
        picture=media.picture,
        params=Params.model_validate({"detection": detection}),
        folder=folder,
    )
    found = detector.run(0, lambda done: None)[1:]
    x, y = np.array([each.x for each in found]), np.array([each.y for each in found])
    turned = np.array([each.angle for each in found]) + np.diff(made.angle)
    off = np.hypot(x - np.diff(made.x), y - np.diff(made.y))
    return float(np.sqrt((off**2).mean())), float(np.degrees(np.sqrt((turned**2).mean())))


def test_two_looks_at_half_the_size_are_as_exact_as_one_at_the_full_size(tmp_path: Path) -> None:
    """At 720 lines, where auto begins to look at half the size: against the motion that was made."""
    source = tmp_path / "shaky.mp4"
    made = shake.film(source, (1280, HALF_FROM), 16)
    full = error("full", source, made, tmp_path / "full")
    half = error("half", source, made, tmp_path / "half")
    assert full[0] < 0.25
    assert half[0] < max(0.15, full[0] * 1.25)
    assert half[1] < max(0.01, full[1] * 1.25)


def test_the_meter_of_shake_is_right(shaky: Path, tmp_path: Path) -> None:
    """A shake that was made is measured to a tenth of a pixel, so that what is left can be believed."""
    made = shake.film(tmp_path / "known.mp4", (256, 192), 12, seed=4)
    found = list(shake._motions(tmp_path / "known.mp4"))
    for n, motion in enumerate(found):
        assert abs(motion[0] + made.x[n + 1] - made.x[n]) < 0.1
        assert abs(motion[1] + made.y[n + 1] - made.y[n]) < 0.1


def test_half_size_begins_where_it_was_measured_to_be_as_exact() -> None:
    """By the shorter side; never on a tripod; and as it is asked for."""
    assert looks(Params(), (1280, HALF_FROM)) == 2
    assert looks(Params(), (HALF_FROM, 1280)) == 2
    assert looks(Params(), (1278, HALF_FROM - 2)) == 1
    assert looks(Params(tripod=True), (1920, 1080)) == 1
    assert looks(Params(detection="full"), (1920, 1080)) == 1
    assert looks(Params(detection="half"), (320, 240)) == 2


def test_the_command_of_the_first_pass(shaky: Path, tmp_path: Path) -> None:
    """The seed's parameters by default, paths of ours alone, and every second picture moved in the second look."""
    media = confined.examine(shaky)
    assert media.picture is not None
    detector = Detector(
        ffmpeg=find(),
        path=shaky,
        container=media.container,
        picture=media.picture,
        params=Params(detection="half"),
        folder=tmp_path,
    )
    command = detector.arguments(5)
    detect = "shakiness=10:accuracy=15:stepsize=32:mincontrast=0.250000"
    same = "trim=start_frame=5,format=yuv420p,extractplanes=y,crop=254:190:"
    small = "scale=127:95:flags=area,vidstabdetect=result=look-"
    assert command[command.index("-i") + 2 :] == [
        *("-map", "0:0", "-vf", f"{same}0:0:exact=1,{small}0.trf:{detect}", "-f", "null", "-"),
        *("-map", "0:0", "-vf", f"{same}1*mod(n+1\\,2):1*mod(n+1\\,2):exact=1,{small}1.trf:{detect}"),
        *("-f", "null", "-"),
    ]


@pytest.mark.parametrize("detection", ["full", "half"])
def test_motion_that_is_resumed_gives_the_same_bytes(shaky: Path, tmp_path: Path, detection: str) -> None:
    """Resumed from a frame that the second look moves, it is the same video; only the rest is looked at."""
    handler = StabilizeHandler(checkpoint_frames=8)
    whole = steady(shaky, tmp_path / "whole", handler, detection=detection)
    assert whole.checkpoints == [checkpoints.name(number) for number in range(4)]
    earlier = {path: whole.output(path) for path in whole.checkpoints[:1]}
    resumed = FakeWorkbench(
        kind="stabilize",
        raw=FASTEST | {"detection": detection},
        folder=tmp_path / "resumed",
        sources={"source": shaky},
        earlier=earlier,
        handler=handler,
    )
    assert resumed.run().summary["detection_kept"] == 8
    assert resumed.checkpoints == whole.checkpoints[1:]
    assert resumed.outputs() == whole.outputs()


def test_motion_is_saved_while_it_is_detected(shaky: Path, tmp_path: Path) -> None:
    """What is saved half-way is what would be saved at the end, in the same bytes."""
    whole = steady(shaky, tmp_path / "whole", StabilizeHandler(checkpoint_frames=2), detection="half")
    handler = StabilizeHandler(checkpoint_frames=2, save_every_s=-1.0)
    often = steady(shaky, tmp_path / "often", handler, detection="half")
    assert often.checkpoints == whole.checkpoints
    assert [often.output(path).read_bytes() for path in often.checkpoints] == [
        whole.output(path).read_bytes() for path in whole.checkpoints
    ]


def test_motion_of_a_checkpoint_is_not_believed_beyond_sense(shaky: Path, tmp_path: Path) -> None:
    """A checkpoint of another size, out of order, or that moves a frame by miles is detected again."""
    handler = StabilizeHandler(checkpoint_frames=16)
    whole = steady(shaky, tmp_path / "whole", handler)
    first = whole.output(whole.checkpoints[0]).read_text()
    row = first.index("[[") + 1
    wrong = {
        "size": first.replace("256,192", "256,190"),
        "order": first.replace('"first":0', '"first":16'),
        "miles": first[: row + 1] + "99999.0" + first[first.index(",", row) :],
        "not a number": first[: row + 1] + "NaN" + first[first.index(",", row) :],
        "short": first[:row] + first[first.index("],[") + 2 :],
    }
    for name, text in wrong.items():
        (tmp_path / "part.json").write_text(text)
        desk = FakeWorkbench(
            kind="stabilize",
            raw=FASTEST,
            folder=tmp_path / name,
            sources={"source": shaky},
            earlier={whole.checkpoints[0]: tmp_path / "part.json"},
            handler=handler,
        )
        assert "detection_kept" not in desk.run().summary, name
        assert desk.outputs() == whole.outputs()


def rich(folder: Path) -> Path:
    """Write a Matroska film with two sounds, subtitles, a chapter, a title and colours."""
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:00,700\nA word\n")
    chapters = folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\ntitle=T\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=10\ntitle=One\n")
    path = folder / "rich.mkv"
    tags = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    odd_media.run(
        [
            *("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=12:duration=1"),
            *(
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=300:duration=1",
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=600:duration=1",
            ),
            *("-i", words, "-i", chapters, "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4"),
            *("-vf", f"format=yuv420p,{tags}", "-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "flac", "-c:s", "srt"),
            path,
        ]
    )
    return path


@pytest.mark.parametrize(("form", "codecs", "notes"), [("mkv", ["aac", "flac"], 0), ("mov", ["aac", "aac"], 2)])
def test_everything_beside_the_picture_is_kept(tmp_path: Path, form: str, codecs: list[str], notes: int) -> None:
    """Sounds are copied where the format holds them, subtitles, chapters, title and colours are there."""
    desk = steady(rich(tmp_path), tmp_path / "desk", format=form)
    assert len(desk.result.summary.get("notes", [])) == notes
    made = confined.examine(the_film(desk))
    assert [track.codec for track in made.sounds] == codecs
    assert made.subtitles == 1
    assert made.picture is not None
    assert (made.picture.pixels.primaries, made.picture.pixels.transfer) == ("bt709", "bt709")
    with av.open(str(the_film(desk))) as film:
        assert film.metadata["title"] == "T"
        assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["One"]


def test_pictures_keep_their_own_times(tmp_path: Path) -> None:
    """In a film of varying rate every picture is shown when it was."""
    source = odd_media.FILMS["variable rate"](tmp_path)
    assert times(the_film(steady(source, tmp_path / "desk", format="mkv"))) == times(source)


class TextDetector(Detector):
    """Writes motion in the form that every version of vid.stab knows."""

    def detection_filter(self, look: int) -> str:
        return f"{super().detection_filter(look)}:fileformat=ascii"


def test_an_ffmpeg_that_writes_motion_as_text_finds_the_same(shaky: Path, tmp_path: Path) -> None:
    """Older ones know no other form: its numbers are rounded, and the motion is the same to a tenth of a pixel."""
    binary = steady(shaky, tmp_path / "binary", StabilizeHandler(checkpoint_frames=50), detection="half")
    handler = StabilizeHandler(checkpoint_frames=50, detector=TextDetector)
    text = steady(shaky, tmp_path / "text", handler, detection="half")
    assert motions.is_text(text.folder / "stabilize" / "look-0.trf")
    rows = [json.loads(desk.output(desk.checkpoints[0]).read_text())["motions"] for desk in (binary, text)]
    assert np.abs(np.array(rows[0]) - np.array(rows[1])).max() < 0.1


def test_where_nothing_moves_nothing_is_moved(tmp_path: Path) -> None:
    """The motion of a still film is none."""
    source = odd_media.film(tmp_path / "still.mp4", picture="testsrc2=size=96x64:rate=12:duration=0.08,loop=9:1")
    desk = steady(source, tmp_path / "desk")
    rows = json.loads(desk.output(desk.checkpoints[0]).read_text())["motions"]
    assert [row[:3] for row in rows] == [[0, 0, 0]] * 10


def test_ten_bits_become_eight_and_it_is_said(tmp_path: Path) -> None:
    """vid.stab works on eight bits."""
    source = odd_media.film(tmp_path / "ten.mkv", options=("-pix_fmt", "yuv420p10le"))
    desk = steady(source, tmp_path / "desk", codec="hevc")
    assert "10 bits to 8" in desk.result.summary["notes"][0]


def test_a_film_too_small_to_follow_is_refused(tmp_path: Path) -> None:
    """There is no field in it."""
    source = odd_media.film(tmp_path / "tiny.mp4", size="16x8")
    with pytest.raises(JobFailed, match="at least 16") as failed:
        steady(source, tmp_path / "desk")
    assert failed.value.code == "UNSUPPORTED"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"format": "webm", "codec": "h264"}, "does not hold"),
        ({"quality": 60}, "at most 51"),
        ({"shakiness": 10, "accuracy": 3}, "too low"),
        ({"zoom": float("nan")}, "greater than|finite|less than"),
        ({"format": "avi"}, "mp4"),
    ],
)
def test_what_does_not_go_together_is_said(raw: dict[str, Any], words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=words):
        Params.model_validate(raw)


def test_the_format_follows_the_source() -> None:
    """Where none is asked for, and as far as it holds the codec asked for."""
    assert stabilize.fit({}, "film", "matroska")["format"] == "mkv"
    assert stabilize.fit({}, "film", "avi")["format"] == "mp4"
    assert stabilize.fit({"codec": "h264"}, "film", "webm")["format"] == "mp4"
    assert stabilize.fit({"format": "mov"}, "film", "matroska")["format"] == "mov"
