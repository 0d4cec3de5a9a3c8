"""Google Drive, which is mounted already."""

from google.colab import note


def mount(where: str, force_remount: bool = False) -> None:
    """Mount it."""
    note(f"mount {where} {force_remount}")
