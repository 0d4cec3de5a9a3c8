"""Films written anew, looked at in what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.encode import HANDLER, EncodeHandler, engines
from colab.models import ModelPlaces, Models
from media import audio, confined
from media.ffmpeg import find
from media.info import MediaFile
from protocol.errors import JobFailed
from tests.support import odd_media

FASTEST = {"preset": "ultrafast"}


def run(
    sources: Path | dict[str, Path],
    folder: Path,
    *,
    engine: str | None = None,
    handler: EncodeHandler | None = None,
    **raw: Any,
) -> FakeWorkbench:
    given = sources if isinstance(sources, dict) else {"source": sources}
    work = FakeWorkbench(kind="encode", raw=FASTEST | raw, folder=folder, sources=given, engine=engine, handler=handler)
    work.run()
    return work


def made(desk: FakeWorkbench) -> MediaFile:
    return confined.examine(desk.output(desk.published[0]))


def notes(desk: FakeWorkbench) -> str:
    return " ".join(desk.result.summary.get("notes", []))


def counted(path: Path, frames: int = 24, rate: int = 12) -> Path:
    """Write a film whose every picture is as bright as its number says, with a tone."""
    picture = f"color=black:size=64x48:rate={rate}:duration={frames / rate},geq=lum='16+N*8':cb=128:cr=128"
    return odd_media.film(path, picture=picture, seconds=frames / rate, options=("-qp", "0", "-pix_fmt", "yuv420p"))


def numbers(path: Path) -> list[int]:
    """Return the number that each picture shows."""
    with av.open(str(path)) as film:
        return [round((float(f.to_ndarray()[:48, :64].mean()) - 16) / 8) for f in film.decode(video=0)]


@pytest.mark.parametrize(
    ("raw", "codec", "encoder", "sound"),
    [
        ({}, "h264", "x264", "aac"),
        ({"codec": "hevc", "format": "mov"}, "hevc", "x265", "aac"),
        ({"format": "webm"}, "libdav1d", "svtav1", "opus"),
        ({"format": "mkv", "codec": "vp9", "audio_codec": "opus"}, "vp9", "vpx", "opus"),
        ({"encoder": "x265"}, "hevc", "x265", "aac"),
        ({"encoder": "svtav1"}, "libdav1d", "svtav1", "aac"),
    ],
)
def test_what_is_asked_for_is_written(
    tmp_path: Path, raw: dict[str, Any], codec: str, encoder: str, sound: str
) -> None:
    """Every codec by its encoder, in a format that holds it; the result says who it was."""
    desk = run(odd_media.film(tmp_path / "film.mp4"), tmp_path / "desk", **raw)
    film = made(desk)
    assert film.picture is not None
    assert film.picture.codec == codec
    assert film.sounds[0].codec == sound
    assert film.picture.frames == 12
    assert desk.result.summary["encoder"] == encoder


def test_a_film_is_cut_to_the_picture(tmp_path: Path) -> None:
    """From the first picture at or after the start to the last before the end."""
    source = counted(tmp_path / "film.mp4")
    desk = run(source, tmp_path / "desk", operations=["trim=0.5-1.5"], quality=10)
    assert numbers(desk.output(desk.published[0])) == list(range(6, 18))
    assert made(desk).sounds[0].seconds == pytest.approx(1.0, abs=0.05)
    rest = run(source, tmp_path / "rest", operations=["trim=1.75-"], quality=10)
    assert numbers(rest.output(rest.published[0])) == [21, 22, 23]
    with pytest.raises(JobFailed, match="cannot begin at 9") as failed:
        run(source, tmp_path / "late", operations=["trim=9-"])
    assert failed.value.code == "BAD_REQUEST"


def test_films_are_joined_in_their_order(tmp_path: Path) -> None:
    """As large as the first, at its rate; one without sound is silent there, and the whole is as long as its parts."""
    first = counted(tmp_path / "a.mp4", 12)
    second = odd_media.film(tmp_path / "b.mkv", size="100x40", rate="25", sound=False)
    desk = run({"source-2": second, "source": first}, tmp_path / "desk", quality=10)
    film = made(desk)
    assert film.picture is not None
    assert (film.picture.size, film.picture.rate, film.picture.frames) == ((64, 48), "12", 24)
    assert numbers(desk.output(desk.published[0]))[:12] == list(range(12))
    assert film.sounds[0].seconds == pytest.approx(2.0, abs=0.06)
    turned = run(
        {"b": second, "a": first}, tmp_path / "turned", inputs=["b", "a"], operations=["concat", "trim=0.5-1.5"]
    )
    other = made(turned)
    assert other.picture is not None
    assert (other.picture.size, other.picture.seconds) == ((100, 40), pytest.approx(1.0, abs=0.05))


@pytest.mark.parametrize(
    ("inputs", "raw", "words"),
    [
        (("source",), {"inputs": ["other"]}, "no input 'other'"),
        (("a", "b"), {}, "name them source, source-2"),
        (("source", "source-3"), {}, "name them"),
    ],
)
def test_inputs_that_are_not_named_right_are_refused(
    tmp_path: Path, inputs: tuple[str, ...], raw: dict[str, Any], words: str
) -> None:
    """Their order is never guessed."""
    source = odd_media.film(tmp_path / "film.mp4")
    with pytest.raises(JobFailed, match=words) as failed:
        run(dict.fromkeys(inputs, source), tmp_path / "desk", **raw)
    assert failed.value.code == "BAD_REQUEST"


def test_size_and_rate(tmp_path: Path) -> None:
    """The width follows the height; the pictures a second are as asked for."""
    picture = made(run(odd_media.film(tmp_path / "f.mp4"), tmp_path / "d", height=24, fps=6)).picture
    assert picture is not None
    assert (picture.size, picture.rate, picture.frames) == ((32, 24), "6", 6)


def loud(path: Path, level: float, *, clicks: bool = False) -> Path:
    """Write a film with noise as uneven as speech."""
    clip = f"+if(eq(mod(n\\,8000)\\,0)\\,{0.9 if clicks else 0}\\,0)"
    sound = f"aevalsrc='(random(0)-0.5)*{level}*(1+sin(2*PI*4*t)){clip}':d=4:s=24000"
    odd_media.run(
        [
            "-f",
            "lavfi",
            "-i",
            "color=size=64x48:rate=12:duration=4",
            "-f",
            "lavfi",
            "-i",
            sound,
            "-c:a",
            "pcm_s16le",
            path,
        ]
    )
    return path


@pytest.mark.parametrize(("level", "clicks"), [(0.02, False), (0.02, True)])
def test_loudness_is_measured_and_set(tmp_path: Path, level: float, clicks: bool) -> None:
    """To half a LU, no peak above -1 dBTP; where one gain cannot do it, that is said, and the length stays."""
    source = loud(tmp_path / "film.mkv", level, clicks=clicks)
    desk = run(source, tmp_path / "desk", loudness=-20)
    found = audio.measure_loudness(find(), desk.output(desk.published[0]))
    assert found.integrated_lufs == pytest.approx(-20, abs=0.5)
    assert found.true_peak_dbtp < -0.5
    assert ("limited" in notes(desk)) is clicks
    assert made(desk).sounds[0].seconds == pytest.approx(4.0, abs=0.06)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    """It stays as it is, and that is said."""
    source = loud(tmp_path / "film.mkv", 0)
    assert "silent" in notes(run(source, tmp_path / "desk", loudness=-16))


def test_sound_is_copied_or_left_out_as_asked(tmp_path: Path) -> None:
    """Copied to the byte; or none at all."""
    source = odd_media.film(tmp_path / "film.mp4")

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as film:
            return [bytes(packet) for packet in film.demux(audio=0) if packet.size]

    copied = run(source, tmp_path / "copied", audio_codec="copy")
    assert packets(copied.output(copied.published[0])) == packets(source)
    assert not made(run(source, tmp_path / "none", audio_codec="none")).sounds
    assert not made(run(source, tmp_path / "mute", operations=["mute"])).sounds


def test_sound_that_cannot_be_copied_is_encoded_and_said_to_be(tmp_path: Path) -> None:
    """A format that does not hold it leaves no choice."""
    source = odd_media.film(tmp_path / "film.mkv", options=("-pix_fmt", "yuv420p", "-c:a", "flac"))
    copied = run(source, tmp_path / "copied", audio_codec="copy", format="mov")
    assert [sound.codec for sound in made(copied).sounds] == ["aac"]
    assert "audio track 1: flac to aac, because mov cannot hold it" in notes(copied)


def test_sounds_of_several_films_cannot_be_copied(tmp_path: Path) -> None:
    """They are joined by being encoded; silence would be worse."""
    films = {name: odd_media.film(tmp_path / f"{name}.mkv", seconds=0.3) for name in ("source", "source-2")}
    desk = FakeWorkbench(kind="encode", raw={"audio_codec": "copy"}, folder=tmp_path / "desk", sources=films)
    with pytest.raises(JobFailed, match="leave audio_codec out") as failed:
        desk.run()
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("faststart", [True, False])
def test_a_film_plays_before_it_is_loaded_whole(tmp_path: Path, faststart: bool) -> None:
    """Its index comes first, unless that is not wanted."""
    desk = run(odd_media.film(tmp_path / "film.mp4"), tmp_path / "desk", faststart=faststart)
    data = desk.output(desk.published[0]).read_bytes()
    assert (data.index(b"moov") < data.index(b"mdat")) is faststart


def test_ten_bits_and_high_range_are_kept_or_refused(tmp_path: Path) -> None:
    """HEVC keeps them, with their tags; to H.264 ten bits are made eight, and high range is refused with the hint."""
    hdr = odd_media.FILMS["hdr and 10 bits"](tmp_path)
    picture = made(run(hdr, tmp_path / "hdr")).picture
    assert picture is not None
    assert (picture.codec, picture.pixels.bits, picture.pixels.transfer) == ("hevc", 10, "smpte2084")
    with pytest.raises(JobFailed, match="ask for codec hevc") as failed:
        run(hdr, tmp_path / "h264", codec="h264")
    assert failed.value.code == "UNSUPPORTED"
    ten = odd_media.film(tmp_path / "ten.mkv", options=("-pix_fmt", "yuv420p10le"))
    assert "10 bits to 8" in notes(run(ten, tmp_path / "ten"))


WITH_CARD = engines.table(lambda program, encoder: None)
"""NVIDIA's encoder seems to work."""

NO_CARD = engines.table(lambda program, encoder: "Cannot load libcuda.so.1")
"""NVIDIA's encoder fails as it does without a driver."""


@pytest.mark.parametrize("how", [{"encoder": "nvenc"}, {"engine": "nvenc"}])
def test_a_card_that_is_insisted_on_is_not_replaced(tmp_path: Path, how: dict[str, Any]) -> None:
    """The reason and the hint are said."""
    with pytest.raises(JobFailed, match=r"libcuda.*NVIDIA card") as failed:
        run(odd_media.film(tmp_path / "film.mp4"), tmp_path / "desk", handler=EncodeHandler(table=NO_CARD), **how)
    assert failed.value.code == "UNSUPPORTED"


def test_without_a_card_the_processor_encodes(tmp_path: Path) -> None:
    """What was chosen is in the record and in the summary."""
    models = Models(ModelPlaces(folder=tmp_path, offline=True))
    names = [each.name for each in EncodeHandler(table=NO_CARD).engines(models)]
    assert names == ["x264", "x265", "svtav1", "vpx"]


def test_an_encoder_that_is_listed_but_fails_is_not_there(tmp_path: Path) -> None:
    """The trial encodes for real: here, an encoder that does not exist complains."""
    names = [each.name for each in HANDLER.engines(Models(ModelPlaces(folder=tmp_path, offline=True)))]
    assert engines.trial(find(), "h264_nvenc") is None or "nvenc" not in names
    assert "no_such" in (
        find().first_complaint(["-f", "lavfi", "-i", "color", "-c:v", "no_such", "-f", "null", "-"]) or ""
    )


def test_engine_and_encoder_that_contradict_are_refused(tmp_path: Path) -> None:
    """The job has to name one."""
    with pytest.raises(JobFailed, match="name one") as failed:
        run(odd_media.film(tmp_path / "film.mp4"), tmp_path / "desk", encoder="x264", engine="x265")
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, "-c:v h264_nvenc -preset p5 -tune hq -rc vbr -cq 23 -b:v 0"),
        (
            {"codec": "hevc", "quality": 20, "preset": "veryslow"},
            "-c:v hevc_nvenc -preset p7 -tune hq -rc vbr -cq 20 -b:v 0",
        ),
        ({"format": "webm", "preset": "ultrafast"}, "-c:v av1_nvenc -preset p1 -tune hq -rc vbr -cq 32 -b:v 0"),
    ],
)
def test_the_command_for_a_card(tmp_path: Path, raw: dict[str, Any], expected: str) -> None:
    """Golden: NVENC's command was never run by its makers, who have no card with an encoder."""
    from colab.handlers.encode import command
    from protocol.kinds.encode import Params

    params = Params.model_validate(raw)
    models = Models(ModelPlaces(folder=tmp_path, offline=True))
    chosen = engines.choose(models, None, params, is_hdr=False, engines=WITH_CARD).engine
    assert (chosen.name, chosen.record.device) == ("nvenc", "cuda")
    assert " ".join(command.picture_coder(chosen, params)) == expected
