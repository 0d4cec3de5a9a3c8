"""Colab's Secrets: there are none."""


class SecretNotFoundError(Exception):
    """There is no such secret."""


class NotebookAccessError(Exception):
    """The notebook may not read it."""


def get(name: str) -> str:
    """Find nothing."""
    raise SecretNotFoundError(name)
