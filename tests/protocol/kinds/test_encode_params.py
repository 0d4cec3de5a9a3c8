"""What an encode job may say: its operations, the form of existing users, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.kinds import encode
from protocol.kinds.encode import Params


def test_operations_are_understood() -> None:
    """Each says one thing; what is not said stays as it is."""
    params = Params.model_validate({"operations": ["trim=1.5-3", "scale=720", "fps=29.97", "loudnorm", "concat"]})
    assert (params.span, params.lines, params.rate, params.lufs) == ((1.5, 3.0), 720, 29.97, -16.0)
    assert not params.is_mute
    plain = Params()
    assert (plain.span, plain.lines, plain.rate, plain.lufs) == ((0.0, None), None, None, None)
    assert Params.model_validate({"operations": ["trim=2-", "mute"]}).span == (2.0, None)
    assert Params.model_validate({"operations": ["loudnorm=-14"]}).lufs == -14
    assert Params.model_validate({"height": 480, "fps": 24, "loudness": -23}).lines == 480


def test_the_form_of_existing_users_means_the_same() -> None:
    """`input_files`, `operations` as records and `output_format` are one job with the options."""
    theirs = Params.model_validate(
        {
            "input_files": ["a.mp4", "b.mp4"],
            "operations": [
                {"op": "concat"},
                {"type": "trim", "start": 1, "end": 2.5},
                {"operation": "scale", "height": 720},
                {"name": "fps", "rate": 30},
                {"op": "loudnorm", "target": -14},
            ],
            "output_format": ".MKV",
        }
    )
    ours = {
        "inputs": ["a.mp4", "b.mp4"],
        "operations": ["concat", "trim=1-2.5", "scale=720", "fps=30", "loudnorm=-14"],
        "format": "mkv",
    }
    assert theirs == Params.model_validate(ours)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"operations": ["blur=3"]}, "no operation is called 'blur'"),
        ({"operations": ["scale=720,drawtext=x"]}, "not how scale is written"),
        ({"operations": ["trim=3-1"]}, "ends before it begins"),
        ({"operations": ["scale=4"]}, "from 16 to 8192"),
        ({"operations": ["fps=0.5"]}, "from 1 to 240"),
        ({"operations": ["loudnorm=-90"]}, "from -40 to -5"),
        ({"operations": ["fps=24", "fps=25"]}, "named twice"),
        ({"operations": ["scale=720"], "height": 480}, "say the same"),
        ({"operations": [{"op": "scale", "width": 3}]}, "does not know width"),
        ({"operations": [{"op": "trim", "start": "1;x"}]}, "must be a number"),
        ({"operations": [{"height": 720}]}, "its name"),
        ({"output_format": "mp4", "format": "mp4"}, "mean the same"),
        ({"input_files": ["../a.mp4"]}, "inputs"),
        ({"inputs": ["a", "a"]}, "named twice"),
        ({"format": "webm", "codec": "h264"}, "does not hold"),
        ({"format": "webm", "encoder": "x264"}, "writes nothing"),
        ({"encoder": "x264", "codec": "hevc"}, "does not write hevc"),
        ({"format": "webm", "audio_codec": "aac"}, "not written with aac"),
        ({"audio_codec": "copy", "loudness": -16}, "copied"),
        ({"codec": "h264", "quality": 60}, "at most 51"),
        ({"loudness": float("nan")}, "finite"),
    ],
)
def test_what_does_not_go_together_is_said(raw: dict[str, Any], words: str) -> None:
    """With the hint, before anything is sent."""
    with pytest.raises(ValueError, match=words):
        Params.model_validate(raw)


def test_the_format_follows_codec_and_source() -> None:
    """Where none is asked for."""
    assert encode.fit({}, "film", "matroska")["format"] == "mkv"
    assert encode.fit({}, "film", "mov")["format"] == "mp4"
    assert encode.fit({"codec": "vp9"}, "film", "mov")["format"] == "mp4"
    assert encode.fit({"encoder": "x264"}, "film", "webm")["format"] == "mp4"
    assert encode.fit({"output_format": "mov"}, "film", "mov") == {"output_format": "mov"}
    for raw in ({}, {"codec": "hevc"}, {"encoder": "vpx"}, {"encoder": "svtav1"}):
        for container in ("mov", "matroska", "webm", "avi"):
            Params.model_validate(encode.fit(raw, "film", container))
