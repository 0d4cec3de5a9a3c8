"""A real JupyterLab on a free loopback port, started as the example does it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEMO = Path(__file__).parent.parent.parent / "examples" / "jupyterlab" / "demo.py"


@contextmanager
def jupyterlab(home: Path) -> Iterator[tuple[str, Path]]:
    """Run a JupyterLab that knows nothing of the user's own; yield its address and the folder it shows."""
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    with demo.jupyterlab(home, home / "jupyterlab.log") as url:
        yield url, home / "work"
