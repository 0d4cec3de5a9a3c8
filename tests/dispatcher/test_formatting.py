"""Sizes, durations and times as text."""

from __future__ import annotations

import time

import pytest

from dispatcher import formatting


@pytest.mark.parametrize(
    ("seconds", "rough", "exact"),
    [
        (0.004, "0 s", "4 ms"),
        (0.4, "0 s", "0.4 s"),
        (9.97, "10 s", "10 s"),
        (59, "59 s", "59 s"),
        (60, "1 min", "1 min 00 s"),
        (150, "2 min", "2 min 30 s"),
        (3599.7, "60 min", "1 h 00 min"),
        (3600, "1 h", "1 h 00 min"),
        (3 * 3600 + 5, "3 h", "3 h 00 min"),
        (86_400, "24 h", "24 h 00 min"),
        (3 * 86_400, "3 d", "3 d"),
    ],
)
def test_durations(seconds: float, rough: str, exact: str) -> None:
    """A rough duration is one number and one unit; an exact one has about three digits."""
    assert formatting.rough_time(seconds) == rough
    assert formatting.duration(seconds) == exact


def test_no_duration_is_a_dash() -> None:
    """A run that has not started has no duration."""
    assert formatting.duration(None) == "–"


def test_sizes() -> None:
    """Sizes are in powers of 1000; a part is in the unit of the whole."""
    assert [formatting.file_size(size) for size in (0, 999, 1000, 4_100_000, 2_500_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "4.1 MB",
        "2.5 GB",
    ]
    assert formatting.partial_size(4_100_000, 11_000_000) == "4.1 of 11.0 MB"
    assert formatting.partial_size(3, 900) == "3 of 900 bytes"


def test_a_time_has_its_date() -> None:
    """Also today's; the year is shown where it is another."""
    now = time.mktime((2026, 11, 30, 19, 22, 10, 0, 0, -1))
    assert formatting.date_time(now, now) == "30 Nov, 19:22"
    assert formatting.date_time(now, now, exact=True) == "30 Nov, 19:22:10"
    assert formatting.date_time(now - 370 * 86_400, now).startswith("25 Nov 2025, ")
    assert formatting.full_time(now) == "Monday, 30 November 2026, 19:22:10"
    assert formatting.log_time(now) == "2026-11-30 19:22:10"
    assert formatting.iso_time(now).startswith("2026-11-30T19:22:10")
    assert formatting.utc_time(0) == "1970-01-01 00:00:00Z"


def test_the_time_of_day_has_a_date_on_another_day() -> None:
    """Today only the time is shown."""
    now = time.mktime((2026, 11, 30, 19, 22, 10, 0, 0, -1))
    assert formatting.clock_time(now, now) == "19:22:10"
    assert formatting.clock_time(now - 86_400, now) == "2026-11-29 19:22"


def test_a_long_text_is_cut_to_its_first_line() -> None:
    """It is cut between words, and ends with an ellipsis."""
    short = formatting.first_line("one two " * 100 + "\nsecond line", 140)
    assert len(short) <= 140
    assert short.endswith(" …")
    assert formatting.first_line("short\nmore", 140) == "short"
