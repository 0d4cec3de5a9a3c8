"""A tiny Kokoro: an ONNX file with the real one's inputs and outputs, and an ear that reads its sounds.

Each token sounds as one tone of its own, for some frames that depend on the token and on the speed; blanks and pads are
silent. The first number of the style is the loudness, and each row of a voice has another. So what was said, in which
order, how fast, in which voice and with which row of it can all be heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from kokoro_onnx.config import DEFAULT_VOCAB
from onnx import TensorProto, helper, numpy_helper

from colab.models import ModelFile, ModelPlaces, Models
from colab.models.known import FILES
from protocol.integrity import sha256_of

RATE, FRAME, ROWS, WIDTH = 24_000, 600, 510, 256
BLANK = DEFAULT_VOCAB[" "]
LOWEST_HZ, STEP_HZ = 240.0, 40.0


@dataclass(frozen=True)
class Files:
    """Model files as a worker has them."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def sha256(self, name: str) -> str:
        return "ab" * 32


def models_of(folder: Path, *names: str) -> Models:
    """Return the real door to model files, with a table that pins those of `folder` as they are now."""
    files = {}
    for name in names:
        path = folder / name
        size, sha256 = sha256_of(path)
        files[name] = ModelFile(
            name=name,
            host="github",
            repository="tests/tiny",
            revision="1",
            file=name,
            size=size,
            sha256=sha256,
            licence="MIT",
        )
        kept = folder / "cache" / sha256[:16] / files[name].file_name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
    return Models(ModelPlaces(folder=folder / "cache", offline=True), files={**FILES, **files})


def frames_of(token: int) -> int:
    """How long a token sounds at speed 1, in frames."""
    return 4 + token % 3 * 2


def loudness(row: int, base: float) -> float:
    """How loud the row of a voice is."""
    return base * (1.0 + row / ROWS)


def write_voices(path: Path, **base: float) -> None:
    """Write voices, each with its loudness; every row is a little louder than the one before."""
    voices = {}
    for name, level in base.items():
        rows = np.zeros((ROWS, 1, WIDTH), dtype=np.float32)
        rows[:, 0, 0] = [loudness(row, level) for row in range(ROWS)]
        voices[name] = rows
    with path.open("wb") as file:
        np.savez(file, **voices)


def write_model(
    path: Path,
    *,
    tokens: str = "tokens",
    durations: bool = True,
    noise: bool = False,
    speed_type: int = TensorProto.FLOAT,
    pace: float = 1.0,
) -> None:
    """Write the model; `pace` makes it speak that much faster at any speed."""
    steps = _Steps()
    flat = steps("Reshape", tokens, steps.ints("flat", [-1]))
    whole = steps("Cast", flat, to=TensorProto.INT64)
    length = steps(
        "Add", steps.int("four", 4), steps("Mul", steps("Mod", whole, steps.int("three", 3)), steps.int("two", 2))
    )
    as_float = steps(
        "Div",
        steps("Cast", length, to=TensorProto.FLOAT),
        steps("Mul", steps("Cast", "speed", to=TensorProto.FLOAT), steps.float("pace", pace)),
    )
    frames = steps("Cast", steps("Max", steps("Round", as_float), steps.float("least", 1.0)), to=TensorProto.INT64)
    ends = steps("CumSum", frames, steps.int("axis", 0))
    total = steps("ReduceSum", frames, keepdims=0)
    count = steps("Mul", total, steps.int("frame", FRAME))
    sample = steps("Range", steps.int("zero", 0), count, steps.int("one", 1))
    frame = steps(
        "Unsqueeze", steps("Range", steps.int("from", 0), total, steps.int("by", 1)), steps.ints("column", [1])
    )
    passed = steps("GreaterOrEqual", frame, steps("Unsqueeze", ends, steps.ints("line", [0])))
    at = steps("ReduceSum", steps("Cast", passed, to=TensorProto.INT64), steps.ints("across", [1]), keepdims=0)
    token = steps("Gather", steps("Gather", whole, at), steps("Div", sample, steps.int("frame2", FRAME)))
    hertz = steps(
        "Add",
        steps("Mul", steps("Cast", token, to=TensorProto.FLOAT), steps.float("step", STEP_HZ)),
        steps.float("low", LOWEST_HZ),
    )
    turn = steps(
        "Mul",
        steps("Cast", steps("Mod", sample, steps.int("again", FRAME)), to=TensorProto.FLOAT),
        steps.float("tau", 2 * np.pi / RATE),
    )
    wave = steps("Sin", steps("Mul", hertz, turn))
    heard = steps(
        "And",
        steps("Greater", token, steps.int("pad", 0)),
        steps("Not", steps("Equal", token, steps.int("blank", BLANK))),
    )
    level = steps("Reshape", steps("Gather", "style", steps.int("first", 0), axis=1), steps.ints("flat2", [-1]))
    sound = steps("Mul", steps("Mul", wave, steps("Cast", heard, to=TensorProto.FLOAT)), level)
    if noise:
        normal = steps("Mul", steps("RandomNormalLike", sound), steps.float("breath", 0.01))
        uniform = steps("Mul", steps("RandomUniform", shape=[1]), steps.float("phase", 0.001))
        sound = steps("Add", steps("Add", sound, normal), uniform)
    steps.nodes.append(helper.make_node("Identity", [sound], ["waveform" if durations else "audio"]))
    outputs = [helper.make_tensor_value_info("waveform" if durations else "audio", TensorProto.FLOAT, ["samples"])]
    if durations:
        steps.nodes.append(helper.make_node("Identity", [frames], ["duration"]))
        outputs.append(helper.make_tensor_value_info("duration", TensorProto.INT64, ["count"]))
    inputs = [
        helper.make_tensor_value_info(tokens, TensorProto.INT64, [1, "count"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, WIDTH]),
        helper.make_tensor_value_info("speed", speed_type, [1]),
    ]
    save(path, helper.make_graph(steps.nodes, "tiny", inputs, outputs, steps.constants))


def write_other_model(path: Path) -> None:
    """Write a good model that is no Kokoro."""
    node = helper.make_node("Relu", ["image"], ["mask"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("image", "mask")]
    save(path, helper.make_graph([node], "other", ends[:1], ends[1:]))


def save(path: Path, graph: Any) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class _Steps:
    """Nodes in order, each call one more; returns the name of what it gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, operator: str, *inputs: str, **more: Any) -> str:
        name = f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **more))
        return name

    def _constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def int(self, name: str, value: int) -> str:
        return self._constant(name, np.array(value, dtype=np.int64))

    def ints(self, name: str, value: list[int]) -> str:
        return self._constant(name, np.array(value, dtype=np.int64))

    def float(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, dtype=np.float32))


def heard_tokens(samples: np.ndarray, quiet: float = 0.02) -> list[int]:
    """Return the tokens of the tones in order, wherever they begin; silence is left out, a long tone is heard once."""
    hop = FRAME // 3
    heard = [
        _tone(samples[start : start + FRAME]) if np.abs(samples[start : start + FRAME]).max() > quiet else None
        for start in range(0, len(samples) - FRAME + 1, hop)
    ]
    runs = [(token, len(list(run))) for token, run in groupby(heard)]
    steady = [token for token, count in runs if count >= 5 or token is None]  # between two tones an ear may err
    return [token for token, _ in groupby(steady) if token is not None]


def _tone(part: np.ndarray) -> int:
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * FRAME))
    hertz = float(np.argmax(spectrum)) * RATE / (8 * FRAME)
    return round((hertz - LOWEST_HZ) / STEP_HZ)
