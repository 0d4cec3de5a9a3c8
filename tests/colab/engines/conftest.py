"""A worker's models, for tests of what all engines share."""

from __future__ import annotations

from pathlib import Path

import pytest

from colab.models import ModelPlaces, Models


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Return a place without any model file, and no way to get one."""
    return Models(ModelPlaces(folder=tmp_path / "models", offline=True))
