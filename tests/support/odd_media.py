"""Media as they come: small ones of every odd sort, and hostile ones, made by ffmpeg when they are first asked for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from media import ffmpeg

Maker = Callable[[Path], Path]

ENCODERS = frozenset({"libx264", "aac", "ffv1"})
SECOND = "testsrc2=size={size}:rate={rate}:duration={seconds}"
TONE = "sine=frequency=440:sample_rate=24000:duration={seconds}"


def run(arguments: list[str | Path]) -> None:
    """Run ffmpeg."""
    ffmpeg.find(encoders=ENCODERS).run(["-v", "error", *arguments])


def film(
    path: Path,
    *,
    size: str = "64x48",
    rate: str = "12",
    seconds: float = 1.0,
    sound: bool = True,
    picture: str | None = None,
    options: tuple[str, ...] = ("-pix_fmt", "yuv420p"),
) -> Path:
    """Write a small film of a moving test picture, with a tone."""
    source = picture or SECOND.format(size=size, rate=rate, seconds=seconds)
    heard = ["-f", "lavfi", "-i", TONE.format(seconds=seconds), "-c:a", "aac"] if sound else []
    run(["-f", "lavfi", "-i", source, *heard, "-c:v", "libx264", "-preset", "ultrafast", *options, path])
    return path


def _silent_film(folder: Path) -> Path:
    return film(folder / "silent.mp4", sound=False)


def _one_frame(folder: Path) -> Path:
    return film(folder / "one-frame.mp4", sound=False, seconds=1 / 12)


def _odd_size(folder: Path) -> Path:
    return film(folder / "odd-size.mkv", options=("-vf", "format=yuv444p,crop=63:47", "-pix_fmt", "yuv444p"))


def _variable_rate(folder: Path) -> Path:
    steady = film(folder / "steady.mkv", sound=False)
    path = folder / "variable.mkv"
    run(["-i", steady, "-vf", "select='not(eq(mod(n,5),2))'", "-fps_mode", "passthrough", "-c:v", "libx264", path])
    return path


def _rotated(folder: Path) -> Path:
    path = folder / "rotated.mp4"
    run(["-display_rotation", "90", "-i", film(folder / "upright.mp4"), "-c", "copy", path])
    return path


def _hdr(folder: Path) -> Path:
    path = folder / "hdr.mkv"
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    source = SECOND.format(size="64x48", rate="12", seconds=0.5)
    run(["-f", "lavfi", "-i", source, "-vf", f"format=yuv420p10le,{tags}", "-c:v", "ffv1", path])
    return path


def _ten_bits(folder: Path) -> Path:
    return film(folder / "ten-bits.mkv", options=("-pix_fmt", "yuv420p10le"))


def _wide_pixels(folder: Path) -> Path:
    return film(folder / "wide-pixels.mkv", options=("-pix_fmt", "yuv420p", "-vf", "setsar=4/3"))


def _no_film(folder: Path) -> Path:
    path = folder / "cover-only.m4a"
    run(["-f", "lavfi", "-i", TONE.format(seconds=1), "-c:a", "aac", path])
    return path


def _surround(folder: Path) -> Path:
    path = folder / "surround.flac"
    soundfile.write(path, np.tile(np.sin(np.arange(12_000) / 9.0)[:, None] * 0.2, (1, 6)), 12_000)
    return path


def _short_sound(folder: Path) -> Path:
    path = folder / "short.wav"
    soundfile.write(path, np.sin(np.arange(800) / 9.0) * 0.2, 8_000)
    return path


def _silence(folder: Path) -> Path:
    path = folder / "silence.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    return path


def picture(path: Path, pixels: str = "rgb24", crop: str = "64:48") -> Path:
    """Write a small still picture."""
    source = SECOND.format(size="64x48", rate="1", seconds=1)
    filters = f"format=rgb24,crop={crop}"
    run(["-f", "lavfi", "-i", source, "-frames:v", "1", "-vf", filters, "-pix_fmt", pixels, path])
    return path


def _alpha16(folder: Path) -> Path:
    return picture(folder / "alpha.png", "rgba64be", "33:21")


def _grey(folder: Path) -> Path:
    return picture(folder / "grey.png", "gray")


def _palette(folder: Path) -> Path:
    return picture(folder / "palette.png", "pal8")


def _jpeg(folder: Path) -> Path:
    return picture(folder / "photo.jpg", "yuvj420p")


def _empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.write_bytes(b"")
    return path


def _truncated(folder: Path) -> Path:
    path = film(folder / "whole.mkv", seconds=2)
    cut = folder / "cut.mkv"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    return cut


def _cut_mp4(folder: Path) -> Path:
    path = film(folder / "whole.mp4", seconds=2)
    cut = folder / "cut.mp4"
    cut.write_bytes(path.read_bytes()[:-400])
    return cut


def _not_media(folder: Path) -> Path:
    path = folder / "letter.mp4"
    path.write_bytes(b"Dear reader, this is no film.\n" * 200)
    return path


def _playlist(folder: Path) -> Path:
    film(folder / "secret.mp4")
    path = folder / "playlist.wav"
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    return path


def _huge_picture(folder: Path) -> Path:
    """A PNG whose header says 30,000 by 30,000: its pixels would fill a gigabyte."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    path = folder / "huge.png"
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 90_001)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def encrypted(folder: Path) -> Path:
    """Write a film by Common Encryption, as shops send them."""
    path = folder / "encrypted.mp4"
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0f" * 16, "-encryption_kid", "11" * 16)
    run(["-i", film(folder / "clear.mp4"), "-c", "copy", *key, path])
    return path


def _half_mp4(folder: Path) -> Path:
    path = film(folder / "full.mp4", seconds=2)
    half = folder / "half.mp4"
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return half


def _no_samples(folder: Path) -> Path:
    path = folder / "no-samples.wav"
    soundfile.write(path, np.zeros(0), 16_000)
    return path


def _no_pictures(folder: Path) -> Path:
    path = folder / "no-pictures.mkv"
    run(["-f", "lavfi", "-i", SECOND.format(size="64x48", rate="12", seconds=1), "-t", "0", "-c:v", "libx264", path])
    return path


def _random(folder: Path) -> Path:
    path = folder / "noise.mkv"
    path.write_bytes(b"\x1a\x45\xdf\xa3" + np.random.default_rng(1).bytes(4096))
    return path


FILMS: dict[str, Maker] = {
    "without sound": _silent_film,
    "one frame": _one_frame,
    "odd sizes": _odd_size,
    "variable rate": _variable_rate,
    "rotated": _rotated,
    "hdr and 10 bits": _hdr,
    "10 bits without hdr": _ten_bits,
    "wide pixels": _wide_pixels,
}
SOUNDS: dict[str, Maker] = {
    "no picture": _no_film,
    "surround": _surround,
    "a tenth of a second": _short_sound,
    "silence": _silence,
}
PICTURES: dict[str, Maker] = {"alpha and 16 bits": _alpha16, "grey": _grey, "palette": _palette, "jpeg": _jpeg}

GOOD: dict[str, dict[str, Maker]] = {"film": FILMS, "sound": SOUNDS, "picture": PICTURES}
"""What a handler has to do something sensible with, by what it is."""

BAD: dict[str, Maker] = {
    "empty": _empty,
    "truncated": _truncated,
    "cut at its end": _cut_mp4,
    "without its index": _half_mp4,
    "encrypted": encrypted,
    "not media": _not_media,
    "playlist in a wav": _playlist,
    "30,000 pixels": _huge_picture,
    "a sound without a sample": _no_samples,
    "a film without a picture": _no_pictures,
    "noise": _random,
}
"""What nobody can use: the answer is INPUT_CORRUPT, with the reason."""
