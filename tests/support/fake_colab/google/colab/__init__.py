"""What the notebook uses of Google's own package, for tests: it writes down what it was asked to do."""

import os
from pathlib import Path


def note(what: str) -> None:
    """Write a line of what was asked."""
    with Path(os.environ["FAKE_COLAB_LOG"]).open("a") as log:
        log.write(f"{what}\n")
