"""What a film is written as is what was asked for: looked at in the made file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import ENDING_FRAMES, Clip, Timeline
from media import audio
from media.encoding import CONTAINERS, PRESETS, video_arguments
from media.ffmpeg import find
from media.take import TakeWriter
from protocol.errors import MediaError
from tests.support.media import speechlike

SIZE = (320, 240)
FRAMES = 60
FASTEST = RenderOptions(size=SIZE, preset="ultrafast", crf=30)
ENDINGS = {"matroska": "mkv"}


def noise(path: Path) -> Path:
    """Write a take of 2 s that is hard to encode: every frame is another one."""
    random = np.random.default_rng(5)
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = SIZE
    codec.pix_fmt = "yuvj420p"
    codec.framerate = 30
    writer = TakeWriter(path, SIZE)
    for n in range(FRAMES):
        blocks = random.integers(0, 255, (15, 20, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        (packet,) = codec.encode(av.VideoFrame.from_ndarray(blocks, format="rgb24").reformat(format="yuvj420p"))
        writer.add(bytes(packet), n / 30)
    writer.close(FRAMES / 30)
    return path


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    """One noisy step with sound."""
    folder = tmp_path_factory.mktemp("encoding")
    sound = speechlike(folder / "s.wav", 2, level=0.05)
    return Timeline((Clip(step_id="a", title="A", take=noise(folder / "a.mkv"), frames=FRAMES, narration=sound),))


def made(timeline: Timeline, folder: Path, **options: Any) -> dict[str, Any]:
    """Render and return what the file says of itself."""
    wanted = replace(FASTEST, **options)
    path = render(find(encoders=wanted.encoders), timeline, folder / f"film.{wanted.container}", wanted).path
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        kinds = video.codec_context.name, sound.codec_context.name
        sizes = {video.index: 0, sound.index: 0}
        for packet in container.demux(video, sound):
            sizes[packet.stream.index] += packet.size
        return {
            "format": container.format.name,
            "codecs": kinds,
            "size": (video.width, video.height),
            "rate": sound.rate,
            "channels": sound.channels,
            "video_bytes": sizes[video.index],
            "kbit": sizes[sound.index] * 8 / 1000 / (FRAMES / 30),
            "bytes": path.read_bytes(),
        }


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_with_every_codec_it_holds(timeline: Timeline, tmp_path: Path, container: str) -> None:
    """Each pair that is offered is really written, with the film's size, 48 kHz, stereo, chapters and frames."""
    names = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "av1", "libopus": "opus"}
    holds = CONTAINERS[container]
    sounds = [*holds.audio, *[holds.audio[0]] * len(holds.video)]
    for video, sound in zip(holds.video, sounds, strict=False):
        facts = made(timeline, tmp_path, container=container, video_codec=video, audio_codec=sound)
        found = facts["codecs"]
        assert found[0].replace("libdav1d", "av1").removeprefix("lib").startswith(names[video])
        assert found[1] == names.get(sound, sound)
        assert container.replace("mkv", "matroska") in facts["format"].split(",")
        assert (facts["size"], facts["rate"], facts["channels"]) == (SIZE, 48_000, 2)


def test_quality_changes_the_size(timeline: Timeline, tmp_path: Path) -> None:
    """A higher crf makes a smaller picture, whatever the codec."""
    for codec, container in (("libx264", "mp4"), ("libvpx-vp9", "webm")):
        sizes = [
            made(timeline, tmp_path, container=container, video_codec=codec, crf=crf, **_sound(container))[
                "video_bytes"
            ]
            for crf in (15, 30, 45)
        ]
        assert sizes[0] > 1.2 * sizes[1] > 1.2 * 1.2 * sizes[2]


def _sound(container: str) -> dict[str, str]:
    return {"audio_codec": CONTAINERS[container].audio[0]}


def test_the_preset_reaches_the_encoder(timeline: Timeline, tmp_path: Path) -> None:
    """x264 writes its settings into the film: they are those of the preset and of the quality."""
    slow = made(timeline, tmp_path, preset="slow", crf=23)["bytes"]
    fast = made(timeline, tmp_path, preset="ultrafast", crf=17)["bytes"]
    assert b"me=umh subme=8" in slow or b"me=hex subme=8" in slow
    assert b"crf=23.0" in slow
    assert b"me=dia subme=0" in fast
    assert b"crf=17.0" in fast


def test_every_preset_has_a_speed_for_every_encoder() -> None:
    """A preset that is faster is never slower with another encoder."""
    vp9 = [int(video_arguments("libvpx-vp9", preset, 30)[9]) for preset in PRESETS]
    av1 = [int(video_arguments("libsvtav1", preset, 30)[5]) for preset in PRESETS]
    assert vp9 == sorted(vp9, reverse=True)
    assert av1 == sorted(av1, reverse=True)


@pytest.mark.parametrize(("codec", "container"), [("aac", "mp4"), ("libopus", "webm")])
def test_the_bit_rate_of_the_sound(timeline: Timeline, tmp_path: Path, codec: str, container: str) -> None:
    """The sound has about the bit rate that was asked for."""
    video = CONTAINERS[container].video[0]
    for kbit in (48, 160):
        facts = made(
            timeline, tmp_path, container=container, video_codec=video, audio_codec=codec, audio_bitrate=f"{kbit}k"
        )
        assert facts["kbit"] == pytest.approx(kbit, rel=0.35)


def test_without_loudnorm_the_level_stays(timeline: Timeline, tmp_path: Path) -> None:
    """Sound that is not to be normalised is as loud as its clip; otherwise it is at −16 LUFS."""
    source = timeline.clips[0].narration
    assert source is not None
    for loudnorm in (True, False):
        film = render(find(), timeline, tmp_path / "film.mp4", replace(FASTEST, loudnorm=loudnorm))
        wanted = -16 if loudnorm else audio.measure_loudness(find(), source).integrated_lufs
        assert audio.measure_loudness(find(), film.path).integrated_lufs == pytest.approx(wanted, abs=1)


def test_a_film_of_apple_players(timeline: Timeline, tmp_path: Path) -> None:
    """H.265 in mp4 and mov is tagged as those players want it, and the index stands first."""
    for container in ("mp4", "mov"):
        film = made(timeline, tmp_path, container=container, video_codec="libx265")["bytes"]
        assert b"hvc1" in film
        assert film.index(b"moov") < film.index(b"mdat")


def test_a_film_of_fewer_frames_is_no_success(timeline: Timeline, tmp_path: Path) -> None:
    """A film that lacks frames is found out, whatever its container says of its length."""
    from dispatcher.assembly.checks import check_film

    for container in ("mp4", "mkv"):
        film = render(find(), timeline, tmp_path / f"film.{container}", replace(FASTEST, container=container))
        longer = Timeline((replace(timeline.clips[0], frames=FRAMES + 1),))
        with pytest.raises(MediaError, match=f"{FRAMES + ENDING_FRAMES} frames"):
            check_film(film.path, longer)
