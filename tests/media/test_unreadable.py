"""What is said of a file that cannot be read: the reason that the file shows, and one hint."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from media import unreadable
from media.examine import examine
from protocol.errors import MediaError
from tests.support import odd_media

REASONS = {
    "empty": r"is empty; copy it again$",
    "truncated": r"is cut: [\d.]+ of [\d.]+ s are there; copy it again$",
    "cut at its end": r"ends before its index \(moov\) does, .*\. Copy it again$",
    "without its index": r"ends before its index \(moov\) does, .*\. Copy it again$",
    "encrypted": r"it is encrypted\. Give a copy without protection$",
    "playlist in a wav": r"it is a playlist, .*\. Give the film or the sound that it names$",
    "not media": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "noise": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "a sound without a sample": r"holds neither a moving picture nor a sound\. Give an mp4",
    "a film without a picture": r"damaged, encrypted, or in a format that is not supported\. Give an mp4",
    "30,000 pixels": r"at most 16384 pixels a side",
}


@pytest.mark.parametrize("name", odd_media.BAD)
def test_the_reason_is_said(name: str, tmp_path: Path) -> None:
    """Of everything that nobody can use it is said what is wrong, where the file shows it."""
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
def test_playlists_of_every_sort_are_told(name: str, text: str, tmp_path: Path) -> None:
    """A list that is called a film or a sound is said to be one."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(MediaError, match="it is a playlist"):
        examine(tmp_path / name)


def test_an_encrypted_sound_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """A film of which only the sound is locked is refused too: it would come out mute."""
    locked, clear, mixed = odd_media.encrypted(tmp_path), tmp_path / "clear.mp4", tmp_path / "mixed.mp4"
    raw = locked.read_bytes()
    assert raw.count(b"encv") == 1
    mixed.write_bytes(raw.replace(b"encv", b"avc1"))
    assert examine(clear).sounds
    with pytest.raises(MediaError, match="it is encrypted"):
        examine(mixed)


@pytest.mark.parametrize("tail", [b"", b"\0", b"\0\0\0\x07moov", b"\0\0\0\x01moov\0\0", b"\xff\xff\xff\xffmoov"])
def test_boxes_that_lie_end_the_search(tail: bytes, tmp_path: Path) -> None:
    """Sizes that cannot be are neither followed nor looped on."""
    path = tmp_path / "odd.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + tail)
    with pytest.raises(MediaError, match="ends before its index"):
        examine(path)


def test_a_track_that_claims_more_than_the_file_is_not_followed(tmp_path: Path) -> None:
    """Sizes within the index that lead beyond the file, by far, neither raise nor are they believed."""
    huge = b"\0\0\0\x01%s" + b"\xff" * 8
    inside = huge % b"trak" + huge % b"mdia" + huge % b"minf" + huge % b"stbl" + huge % b"stsd" + b"\xff" * 40
    path = tmp_path / "odd.mp4"
    path.write_bytes(b"\0\0\0\x08ftyp" + struct.pack(">I4s", 8 + len(inside), b"moov") + inside)
    assert not unreadable.is_encrypted(path)
    with pytest.raises(MediaError, match="damaged, encrypted, or in a format that is not supported"):
        examine(path)
