"""What a video from elsewhere is found to be, and what is refused as not a video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media.examine import examine
from media.ffmpeg import find
from media.probe import FootageAudio, footage, probe
from protocol.errors import MediaError
from tests.support.media import tone


def made(path: Path, *arguments: str | Path) -> Path:
    """Make a video with ffmpeg."""
    find().run([*arguments, path])
    return path


def picture(seconds: float = 1, *, size: str = "320x240", rate: str = "30") -> list[str]:
    """Return the arguments for a test video."""
    return ["-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}"]


def test_the_properties_of_a_video(tmp_path: Path) -> None:
    """Size, rate, length, audio and colours are those it was made with."""
    sound = ["-f", "lavfi", "-i", "sine=d=2:r=44100,aformat=channel_layouts=5.1"]
    path = made(tmp_path / "a.mov", *picture(1.001, size="640x480", rate="30000/1001"), *sound, "-pix_fmt", "yuv420p")
    found = probe(path)
    assert (found.container, found.size, found.rotation, found.bits) == ("mov", (640, 480), 0, 8)
    assert (found.seconds, found.rate) == (pytest.approx(1.001), pytest.approx(29.97, abs=0.01))
    assert (found.matrix, found.transfer) == ("bt601", None)
    assert found.sound == FootageAudio(stream=1, channels=6, rate=44100, delay_s=pytest.approx(0, abs=0.03))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv"])
def test_usual_containers_are_read(tmp_path: Path, ending: str) -> None:
    """Each is read, with its length to the frame."""
    found = probe(made(tmp_path / f"a.{ending}", *picture(2)))
    assert (found.size, found.sound) == ((320, 240), None)
    assert found.seconds == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("concat.mp4", "ffconcat version 1.0\nfile '{film}'\n"),
        ("list.mov", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{film}\n#EXT-X-ENDLIST\n"),
        ("net.mkv", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("plain.mp4", "just words"),
        ("blank.mp4", " "),
    ],
)
def test_text_is_never_followed(tmp_path: Path, name: str, text: str) -> None:
    """A playlist that is named like a video is refused, whatever it refers to."""
    film = made(tmp_path / "film.mp4", *picture())
    (tmp_path / name).write_text(text.format(film=film.name))
    with pytest.raises(MediaError, match=f"{name} cannot be read as a media file"):
        probe(tmp_path / name)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "bmp"])
def test_an_image_is_not_a_video(tmp_path: Path, ending: str) -> None:
    """Images are refused, also under a video's name."""
    for path in (tmp_path / f"a.{ending}", tmp_path / "a.mp4"):
        Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(path, format={"jpg": "jpeg"}.get(ending, ending))
        with pytest.raises(MediaError, match=r"an image, not a video|cannot be read as a media file"):
            probe(path)


def test_audio_alone_is_not_a_video(tmp_path: Path) -> None:
    """Audio has no video track; its cover image does not count as one."""
    sound = made(tmp_path / "a.m4a", "-i", tone(tmp_path / "a.wav", 1))
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "cover.jpg")
    covered = made(
        tmp_path / "b.m4a",
        *("-i", sound, "-i", tmp_path / "cover.jpg", "-c", "copy", "-map", "0", "-map", "1", "-disposition:v:0"),
        "attached_pic",
    )
    for path in (sound, covered):
        with pytest.raises(MediaError, match="has no video track"):
            probe(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    """A missing file and a folder are reported as such."""
    with pytest.raises(MediaError, match=r"none\.mp4 does not exist"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        probe(tmp_path)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that ffmpeg would treat as a protocol or a pattern is a plain file name here."""
    monkeypatch.chdir(tmp_path)
    film = made(tmp_path / "film.mp4", *picture())
    for name in ("concat:a|b.mp4", "a %03d.mp4", "-i.mp4", "é'\"$.mp4"):
        (tmp_path / name).write_bytes(film.read_bytes())
        assert probe(Path(name)).seconds == pytest.approx(1)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_video_truncated_anywhere_is_refused_or_measured_as_it_is(tmp_path: Path, ending: str) -> None:
    """Truncation never causes a crash or a wrong length; if the header declares more, it is reported."""
    whole = made(tmp_path / f"a.{ending}", *picture(4), "-movflags", "+faststart", "-g", "30")
    data = whole.read_bytes()
    told = set()
    for share in (0.01, 0.1, 0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(data[: int(len(data) * share)])
        try:
            assert probe(path).seconds <= 4.0
        except MediaError as error:
            told.add(str(error).partition(".")[2].split()[2])
    assert told & {"truncated:", "no"}


def test_no_duration_and_too_long_a_duration(tmp_path: Path) -> None:
    """A video without a duration, or longer than any intro, is refused."""
    film = made(tmp_path / "a.mkv", *picture())
    with pytest.raises(MediaError, match=r"lasts 1 s; give a video of at most 0.5 s"):
        footage(examine(film), max_seconds=0.5)
    with av.open(str(tmp_path / "none.mp4"), "w") as container:
        container.add_stream("libx264", rate=30, width=64, height=64, pix_fmt="yuv420p")
    with pytest.raises(MediaError):
        probe(tmp_path / "none.mp4")


def test_a_track_without_samples_does_not_count(tmp_path: Path) -> None:
    """An empty audio stream counts as no audio."""
    sound = ["-f", "lavfi", "-i", "anullsrc", "-af", "atrim=end_sample=0", "-c:a", "aac"]
    assert probe(made(tmp_path / "a.mkv", *picture(), *sound, "-t", "1")).sound is None
