"""A trace that is kept holds no secret, and is still one that Playwright's viewer opens."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from dispatcher.tour.browser.evidence import clean_trace

PASSWORD = "s3cr3t-pw"
LINES = [
    {"type": "before", "method": "goto", "params": {"url": f"http://ann:{PASSWORD}@127.0.0.1/x", "timeout": 5000}},
    {"type": "before", "method": "type", "params": {"text": PASSWORD, "selector": "#a"}},
    {"request": {"headers": [{"name": "Authorization", "value": f"Digest {PASSWORD}"}, {"name": "A", "value": "b"}]}},
    {"error": {"message": f'page.goto: net::ERR at http://ann:{PASSWORD}@127.0.0.1/x "quoted"'}},
]


def test_a_trace_is_cleaned_member_by_member(tmp_path: Path) -> None:
    """Addresses, headers that open something and typed text go; every line is JSON as before; pictures stay."""
    trace, picture = tmp_path / "trace.zip", bytes(range(256))
    with zipfile.ZipFile(trace, "w") as archive:
        archive.writestr("trace.trace", "\n".join(map(json.dumps, LINES)) + "\n")
        archive.writestr("resources/x.jpeg", picture)
    clean_trace(trace)
    with zipfile.ZipFile(trace) as archive:
        assert archive.read("resources/x.jpeg") == picture
        text = archive.read("trace.trace").decode()
    assert PASSWORD not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["params"] == {"url": "http://<removed>@127.0.0.1/x", "timeout": 5000}
    assert lines[1]["params"] == {"text": "<removed>", "selector": "#a"}
    assert lines[2]["request"]["headers"] == [
        {"name": "Authorization", "value": "<removed>"},
        {"name": "A", "value": "b"},
    ]
    assert lines[3]["error"]["message"].endswith('http://<removed>@127.0.0.1/x "quoted"')
    assert [path.name for path in tmp_path.iterdir()] == ["trace.zip"]
