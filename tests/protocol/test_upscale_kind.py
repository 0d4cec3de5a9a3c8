"""What may be asked of upscaling, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from protocol.kinds.upscale import KIND, Params


@pytest.mark.parametrize("scale", [0, 0.5, -2, 9, float("inf"), float("nan")])
def test_a_scale_that_makes_no_sense_is_refused_with_the_hint(scale: float) -> None:
    """Zero, less than one and more than eight say what may be given."""
    with pytest.raises(ValidationError, match="must be 1 to 8, not"):
        Params(scale=scale)


@pytest.mark.parametrize("scale", [1, 1.5, 2, 8])
def test_a_scale_in_reach_is_taken(scale: float) -> None:
    """Whole and broken numbers from 1 to 8 are scales."""
    assert Params(scale=scale).scale == scale


@pytest.mark.parametrize("sizes", [{"scale": 2, "width": 640}, {"width": 640, "height": 480}])
def test_only_one_size_is_given(sizes: dict[str, Any]) -> None:
    """Two sizes could contradict each other."""
    with pytest.raises(ValidationError, match="give one of them"):
        Params(**sizes)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", "a b", "-x"])
def test_a_model_is_a_name(name: str) -> None:
    """Nothing that leads elsewhere is a model."""
    with pytest.raises(ValidationError):
        Params(model=name)


@pytest.mark.parametrize(
    ("what", "container", "path"),
    [
        ("film", "mov", "source.upscaled.mp4"),
        ("film", "matroska", "source.upscaled.mkv"),
        ("film", "avi", "source.upscaled.mkv"),
        ("picture", "png_pipe", "source.upscaled.png"),
        ("picture", "jpeg_pipe", "source.upscaled.jpg"),
        ("picture", "bmp_pipe", "source.upscaled.png"),
        ("picture", "tiff_pipe", "source.upscaled.tiff"),
    ],
)
def test_the_result_is_of_the_source_s_format(what: Any, container: str, path: str) -> None:
    """What is not said follows from the source."""
    assert KIND.fit is not None
    params = Params(**KIND.fit({}, what, container))
    assert list(KIND.outputs(params)) == [path]


@pytest.mark.parametrize(("what", "format_"), [("film", "png"), ("picture", "mp4")])
def test_a_film_does_not_become_a_picture(what: Any, format_: str) -> None:
    """A format of the other sort is refused with those that there are."""
    assert KIND.fit is not None
    with pytest.raises(ValueError, match="ask for one of"):
        KIND.fit({"format": format_}, what, "mov")
