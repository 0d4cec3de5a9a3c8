"""The public door of the sending machine."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import pytest

import dispatcher
from dispatcher.tour.options import TourOptions
from protocol import errors
from protocol.kinds import KINDS


def test_what_is_exported_is_there() -> None:
    """Every name in `__all__` exists, once; the linter keeps their order."""
    assert len(set(dispatcher.__all__)) == len(dispatcher.__all__)
    assert all(hasattr(dispatcher, name) for name in dispatcher.__all__)


@pytest.mark.parametrize("error", [errors.JobFailed, errors.JobTimeout, errors.JobExpired, errors.JobCancelled])
def test_the_old_name_catches_whatever_a_narration_ends_with(error: type[errors.JobError]) -> None:
    """Scripts that catch ColabTTSError go on doing so, for failures and for time-outs."""
    with pytest.raises(dispatcher.ColabTTSError, match="words"):
        raise error("words")


def test_importing_starts_nothing() -> None:
    """Neither a browser's driver, a model library nor the database is imported with the package."""
    heavy = "{'playwright', 'papermill', 'torch', 'onnxruntime', 'watchdog', 'sqlalchemy', 'pydantic', 'numpy'}"
    code = f"import sys, dispatcher; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_dir_shows_what_is_exported_and_nothing_else() -> None:
    """An interactive shell completes the public names, not modules that happen to be loaded."""
    assert dir(dispatcher) == sorted(dispatcher.__all__)
    with pytest.raises(AttributeError, match="no attribute 'record_tours'"):
        _ = dispatcher.record_tours


@pytest.mark.parametrize("name", ["analyze", "encode", "enhance", "stabilize", "transcribe", "upscale"])
def test_operations_show_their_real_parameters(name: str) -> None:
    """A connection, a file, and the parameters of the kind by name with their defaults."""
    operation = getattr(dispatcher, name)
    shown = inspect.signature(operation)
    assert list(shown.parameters)[:2] == ["gpu", "file"]
    own = {field: KINDS[name].params.model_fields[field].default for field in list(shown.parameters)[2:]}
    assert set(own) == set(KINDS[name].params.model_fields)
    assert {field: shown.parameters[field].default for field in own} == own
    assert shown.return_annotation is dispatcher.OperationResult
    assert inspect.signature(operation.anew()) == shown
    each = inspect.signature(operation.each)
    assert list(each.parameters) == ["gpu", "files", "on_progress", *own]
    assert {field: each.parameters[field].default for field in own} == own
    assert each.parameters["on_progress"].default is not inspect.Parameter.empty


def test_the_earlier_name_of_a_result_is_kept() -> None:
    """Scripts that import `Made` get the same class."""
    assert dispatcher.Made is dispatcher.OperationResult


def test_a_tour_shows_its_real_parameters() -> None:
    """All that the command line can say, by name, with the same defaults."""
    shown = inspect.signature(dispatcher.record_tour).parameters
    assert next(iter(shown)) == "spec"
    options = {field.name: field.default for field in dataclasses.fields(TourOptions) if field.name != "reuse"}
    assert {name: shown[name].default for name in options} == options
    assert {"screen", "settings"} <= shown.keys()


def test_a_mistyped_option_of_a_tour_names_the_function() -> None:
    """A keyword that does not exist is Python's own error, in the name of what was called."""
    with pytest.raises(TypeError, match=r"record_tour\(\) got an unexpected keyword argument 'dry_runn'"):
        dispatcher.record_tour("tour.json", dry_runn=True)  # type: ignore[call-arg]
