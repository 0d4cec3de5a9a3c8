"""Messages about files that cannot be read: the reason that the file itself shows, and one hint."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from media import headers
from media.examine import examine
from protocol.errors import MediaError
from tests.support import odd_media

REASONS = {
    "empty": r"is empty; copy it again$",
    "truncated": r"is truncated: it has [\d.]+ of [\d.]+ s; copy it again$",
    "cut at its end": r"ends before its index \(moov\), .*\. Copy it again$",
    "without its index": r"ends before its index \(moov\), .*\. Copy it again$",
    "encrypted": r"it is encrypted\. Give a copy without protection$",
    "playlist in a wav": r"it is a playlist, .*\. Give the video or audio file that it names$",
    "not media": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "noise": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "a sound without a sample": r"contains neither video nor audio\. Give an mp4",
    "a film without a picture": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "30,000 pixels": r"at most 16384 pixels a side",
}


@pytest.mark.parametrize("name", odd_media.BAD)
def test_the_reason_is_said(name: str, tmp_path: Path) -> None:
    """The error for every unusable file says what is wrong with it, if the file shows that."""
    with pytest.raises(MediaError, match=REASONS[name]):
        examine(odd_media.BAD[name](tmp_path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hls.mp4", "\ufeff#EXTM3U\n#EXTINF:1,\na.ts\n"),
        ("radio.mp3", "[playlist]\nFile1=a.mp3\n"),
        ("call.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5 RTP/AVP 0\n"),
    ],
)
def test_playlists_of_every_sort_are_recognised(name: str, text: str, tmp_path: Path) -> None:
    """A playlist that is named like a video or audio file is reported as a playlist."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(MediaError, match="it is a playlist"):
        examine(tmp_path / name)


def test_encrypted_audio_is_not_dropped_silently(tmp_path: Path) -> None:
    """A video of which only the audio is encrypted is refused too: the result would be mute."""
    encrypted, clear, mixed = odd_media.encrypted(tmp_path), tmp_path / "clear.mp4", tmp_path / "mixed.mp4"
    raw = encrypted.read_bytes()
    assert raw.count(b"encv") == 1
    mixed.write_bytes(raw.replace(b"encv", b"avc1"))
    assert examine(clear).sounds
    with pytest.raises(MediaError, match="it is encrypted"):
        examine(mixed)


@pytest.mark.parametrize("tail", [b"", b"\0", b"\0\0\0\x07moov", b"\0\0\0\x01moov\0\0", b"\xff\xff\xff\xffmoov"])
def test_invalid_box_sizes_end_the_search(tail: bytes, tmp_path: Path) -> None:
    """Impossible sizes are not followed, and cause no endless loop."""
    path = tmp_path / "odd.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + tail)
    with pytest.raises(MediaError, match="ends before its index"):
        examine(path)


def test_a_track_that_claims_more_than_the_file_is_not_followed(tmp_path: Path) -> None:
    """Sizes in the index that point far beyond the end of the file neither raise nor count."""
    huge = b"\0\0\0\x01%s" + b"\xff" * 8
    inside = huge % b"trak" + huge % b"mdia" + huge % b"minf" + huge % b"stbl" + huge % b"stsd" + b"\xff" * 40
    path = tmp_path / "odd.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + struct.pack(">I4s", 8 + len(inside), b"moov") + inside)
    assert not headers.is_encrypted(path)
    with pytest.raises(MediaError, match="damaged, encrypted, or in a format that is not supported"):
        examine(path)
