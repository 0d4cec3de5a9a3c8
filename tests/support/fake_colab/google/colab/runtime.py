"""The runtime, which can be given back."""

from google.colab import note


def unassign() -> None:
    """Give it back."""
    note("unassign")
