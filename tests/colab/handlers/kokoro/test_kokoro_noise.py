"""Random operators replaced by fixed noise: the same numbers each time, spread as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from colab.handlers.tts import onnx_noise
from tests.support.kokoro import save


def model_of(path: Path, operator: str, count: int = 1, **attributes) -> Path:
    """Write a model that adds nothing but noise: one output for each operator."""
    like = operator.endswith("Like")
    nodes = [
        helper.make_node(
            operator, ["x"] if like else [], [f"y{at}"], **({} if like else {"shape": [3, 5000]}), **attributes
        )
        for at in range(count)
    ]
    kind = attributes.get("dtype", TensorProto.FLOAT)
    outputs = [helper.make_tensor_value_info(f"y{at}", kind, ["a", "b"]) for at in range(count)]
    save(
        path,
        helper.make_graph(nodes, "noise", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, "n"])], outputs),
    )
    return path


def drawn(content: bytes) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.zeros((3, 5000), dtype=np.float32)})


@pytest.mark.parametrize(
    ("operator", "attributes", "mean", "deviation"),
    [
        ("RandomNormalLike", {}, 0.0, 1.0),
        ("RandomNormalLike", {"mean": 2.0, "scale": 0.5}, 2.0, 0.5),
        ("RandomNormal", {}, 0.0, 1.0),
        ("RandomUniformLike", {}, 0.5, 12**-0.5),
        ("RandomUniform", {"low": -1.0, "high": 3.0}, 1.0, 4 * 12**-0.5),
    ],
)
def test_noise_is_fixed_and_spread_as_asked(tmp_path, operator, attributes, mean, deviation):
    """Runs and sessions agree to the bit; mean, deviation and shape are those of the operator."""
    path = model_of(tmp_path / "m.onnx", operator, **attributes)
    assert onnx_noise.draws(path)
    content = onnx_noise.steady(path)
    (first,), (again,) = drawn(content), drawn(content)
    assert np.array_equal(first, again)
    assert first.shape == (3, 5000)
    assert float(first.mean()) == pytest.approx(mean, abs=0.05 * deviation)
    assert float(first.std()) == pytest.approx(deviation, rel=0.05)


def test_two_operators_do_not_draw_the_same(tmp_path):
    """Each operator begins at a place of its own, or channels would be copies of each other."""
    one, other = drawn(onnx_noise.steady(model_of(tmp_path / "m.onnx", "RandomNormalLike", count=2)))
    assert abs(float(np.corrcoef(one.ravel(), other.ravel())[0, 1])) < 0.05


def test_the_type_asked_for_is_given(tmp_path):
    """A half-precision export gets half-precision noise."""
    path = model_of(tmp_path / "m.onnx", "RandomNormalLike", dtype=TensorProto.FLOAT16)
    assert drawn(onnx_noise.steady(path))[0].dtype == np.float16


def test_operators_inside_branches_are_found(tmp_path):
    """A graph inside a graph draws too."""
    inner = [
        helper.make_graph(
            [helper.make_node("RandomNormalLike", ["x"], [f"z{name}"])],
            name,
            [],
            [helper.make_tensor_value_info(f"z{name}", TensorProto.FLOAT, ["a", "b"])],
        )
        for name in ("then_branch", "else_branch")
    ]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["any"], to=TensorProto.BOOL),
        helper.make_node("If", ["any"], ["y"], then_branch=inner[0], else_branch=inner[1]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["a", "b"]) for name in ("x", "y")]
    ends[0] = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, "n"])
    save(tmp_path / "m.onnx", helper.make_graph(nodes, "branches", ends[:1], ends[1:]))
    content = onnx_noise.steady(tmp_path / "m.onnx")
    assert np.array_equal(drawn(content)[0], drawn(content)[0])
    assert not any(name.encode() in content for name in onnx_noise.OPERATORS)


def test_a_model_that_draws_nothing_is_left_alone(tmp_path):
    """Without such an operator the file is opened as it is, and the package onnx is not needed."""
    node = helper.make_node("Relu", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    save(tmp_path / "m.onnx", helper.make_graph([node], "still", ends[:1], ends[1:]))
    assert onnx_noise.draws(tmp_path / "m.onnx") is False
    assert onnx.load(tmp_path / "m.onnx").graph.node[0].op_type == "Relu"
