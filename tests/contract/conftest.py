"""Real rclone for the contract: the transport's own process, with a remote that is a folder of this disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from protocol.errors import EnvironmentNotReady
from protocol.transports import rclone_server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return rclone, whose process lives as long as the tests; without one they are skipped, but never on CI."""
    try:
        program = rclone_server.program()
    except EnvironmentNotReady as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        config = tmp_path_factory.mktemp("rclone") / "rclone.conf"
        config.write_text("[here]\ntype = local\n[bucket]\ntype = memory\n")
        patch.setenv("RCLONE_CONFIG", str(config))
        rclone_server.acquire().rc()  # it reads the environment now
        yield program
        rclone_server.release()
