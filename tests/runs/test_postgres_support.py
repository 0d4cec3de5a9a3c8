"""What the tests on PostgreSQL do where it is missing."""

from __future__ import annotations

import pytest

from tests.support import postgres


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_server_skips_but_never_on_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    """Without the server's programs the tests are skipped and say how to get them; in CI that is a failure."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(postgres, "programs", lambda: None)
    with pytest.raises(outcome, match=r"setup/postgres\.sh"), postgres.cluster():
        pass
