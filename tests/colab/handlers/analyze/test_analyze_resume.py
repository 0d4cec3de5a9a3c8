"""Going on from what an earlier attempt left, and believing none of it."""

from __future__ import annotations

import contextlib
from functools import partial

import numpy as np
import pytest

from colab.handlers.analyze import AnalyzeHandler, job, resume, watching
from colab.handlers.analyze.resume import SOUND, read, read_seen, read_sound, row_numbers, rows_path, written
from colab.handlers.analyze.rows import WIDTH, FrameMeasures, FrameTable
from colab.work import StopWork
from protocol.errors import MediaError
from tests.support import odd_media

SIZE = (8, 6)


def rows(count: int, start_s: float = 0.0) -> FrameTable:
    made = FrameTable()
    for place in range(count):
        made.add(start_s + place / 10, FrameMeasures(*[0.5] * WIDTH))
    return made


def checkpoint(first: int = 0, count: int = 5) -> bytes:
    return written(rows(count), first, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))


def test_rows_come_back_as_they_were(tmp_path):
    """From the picture on that the checkpoint before them ended with."""
    file = tmp_path / "rows"
    file.write_bytes(checkpoint(first=2))
    found = read(file, SIZE)
    assert found is not None
    assert (found.first, found.times.tolist()) == (2, pytest.approx([0.2, 0.3, 0.4]))
    assert (found.values == 0.5).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data.replace(b" 5 ", b" 9 ", 1),
        lambda data: data.replace(b" 0 5 ", b"-1 5 ", 1),
        lambda data: data.replace(b"gpudrop-rows-1", b"gpudrop-rows-2", 1),
        lambda data: data[:64] + data[72:80] + data[64:72] + data[80:],
        lambda data: data[:64] + np.float64("nan").tobytes() + data[72:],
        lambda data: data.replace(np.float32(0.5).tobytes(), np.float32("inf").tobytes(), 1),
        lambda data: data.replace(np.float32(0.5).tobytes(), np.float32(1e5).tobytes(), 3),
        lambda data: b"\xff" * 64 + data[64:],
        lambda data: b"gpudrop-rows-1 0 99999999999 12 8 6".ljust(63) + b"\n" + data[64:],
    ],
)
def test_a_checkpoint_that_is_not_what_it_should_be_is_none(spoil, tmp_path):
    """Shortened, lengthened, out of order, out of range, of another version, of more than fits into memory."""
    file = tmp_path / "rows"
    file.write_bytes(spoil(checkpoint()))
    assert read(file, SIZE) is None
    file.write_bytes(checkpoint())
    assert read(file, (SIZE[1], SIZE[0])) is None


def test_only_names_of_ours_are_read():
    """In the order of their numbers."""
    kept = [rows_path(12), rows_path(3), "checkpoints/rows-1.bin", "checkpoints/rows-00001.bin", "source.png", SOUND]
    assert row_numbers(kept) == [3, 12]


def test_a_sound_or_a_sight_that_says_too_much_is_none(tmp_path):
    """JSON of another shape is as if there were none."""
    file = tmp_path / "sound.json"
    for text in ("{}", "[1", '{"loudness": 3, "silence": []}', '{"first": 0, "places": [1], "seen": []}'):
        file.write_text(text)
        assert read_sound(file) is None
        assert read_seen(file) is None
    assert read_sound(tmp_path / "none.json") is None


@pytest.fixture
def long_film(tmp_path):
    return odd_media.film(tmp_path / "long.mp4", seconds=5, rate="25", options=("-pix_fmt", "yuv420p", "-g", "40"))


@pytest.fixture
def put(put):
    """Return a maker of workbenches whose handler saves as often as it can."""
    return partial(put, handler=AnalyzeHandler(saving=resume.Saving(every_s=0.0, sound_after_s=0.0)))


def test_a_stopped_job_goes_on_where_it_was(long_film, put, monkeypatch):
    """Only what was not measured is measured, and the bytes are those of an undisturbed run."""
    whole = put(long_film)
    whole.run()
    stopped = put(long_film, stop_after=4)
    with contextlib.suppress(StopWork):
        stopped.run()
    assert any("rows" in path for path in stopped.checkpoints)
    measured = []
    real = watching.Meter.measure
    monkeypatch.setattr(watching.Meter, "measure", lambda self, frame: measured.append(1) or real(self, frame))
    resumed = put(long_film, earlier={path: stopped.output(path) for path in stopped.checkpoints})
    resumed.run()
    assert resumed.outputs() == whole.outputs()
    left = [read(stopped.output(path), (64, 48)) for path in stopped.checkpoints if "rows" in path]
    assert len(measured) == 125 - sum(len(stretch.times) for stretch in left if stretch) + 1 < 125
    assert set(resumed.checkpoints).isdisjoint(stopped.checkpoints)


def test_a_film_that_does_not_lead_there_again_is_watched_from_the_start(long_film, put):
    """A checkpoint of another film's times is not gone on from, whatever its figures."""
    whole = put(long_film)
    whole.run()
    wrong = whole.folder / "wrong"
    wrong.write_bytes(written(rows(25, start_s=0.0133), 0, np.zeros((48, 64, 3), np.uint8)))
    resumed = put(long_film, earlier={rows_path(1): wrong})
    resumed.run()
    assert resumed.outputs() == whole.outputs()
    assert rows_path(1) not in resumed.checkpoints


def with_odd_times(data: bytes) -> bytes:
    """Return a checkpoint whose pictures, but for the first and the last, are said to come a little later."""
    count = int(data[:64].split()[2])
    times = np.frombuffer(data, np.float64, count, offset=64).copy()
    times[1:-1] += 0.011
    return data[:64] + times.tobytes() + data[64 + times.nbytes :]


@pytest.fixture
def stopped(long_film, put):
    """Return a desk where a job ended that had left some checkpoints."""
    desk = put(long_film, stop_after=4)
    with contextlib.suppress(StopWork):
        desk.run()
    return desk


def test_rows_of_pictures_that_the_film_does_not_have_are_forgotten(stopped, long_film, put, tmp_path):
    """The last one may well be there: what is shown between them was never in this film, so it is watched anew."""
    whole = put(long_film)
    whole.run()
    leftover = {}
    for number, path in enumerate(path for path in stopped.checkpoints if "rows" in path):
        leftover[path] = tmp_path / f"odd-{number}"
        leftover[path].write_bytes(with_odd_times(stopped.output(path).read_bytes()))
    assert leftover
    resumed = put(long_film, earlier=leftover)
    resumed.run()
    assert resumed.outputs() == whole.outputs()
    assert set(resumed.checkpoints).isdisjoint(leftover)


def test_a_film_that_cannot_be_gone_into_at_a_time_is_read_from_its_beginning(stopped, long_film, put, monkeypatch):
    """Of some files a seek gives earlier pictures, of some none: the right one is found all the same."""
    whole = put(long_film)
    whole.run()
    real, sought = watching.sample_frames, []

    def early(*about, start_s=0.0, most=None, **more):
        if most is not None:
            sought.append(start_s)
            if len(sought) % 2 == 0:
                raise MediaError("nothing could be decoded")
            start_s = 0.0
        return real(*about, start_s=start_s, most=most, **more)

    monkeypatch.setattr(watching, "sample_frames", early)
    resumed = put(long_film, earlier={path: stopped.output(path) for path in stopped.checkpoints})
    resumed.run()
    assert sought
    assert resumed.outputs() == whole.outputs()


def test_a_sound_that_was_heard_is_not_heard_again(long_film, put, monkeypatch):
    """It is left as soon as it is over, and taken over."""
    whole = put(long_film)
    whole.run()
    heard = whole.folder / "heard"
    heard.write_bytes(resume.as_json(resume.MeasuredSound(loudness=loudness(whole), silence=())))
    monkeypatch.setattr(job, "SoundMeter", None)
    resumed = put(long_film, earlier={SOUND: heard})
    resumed.run()
    assert resumed.outputs() == whole.outputs()


def loudness(desk):
    from protocol.kinds.analysis import read_analysis

    found = read_analysis(desk.outputs()["source.analysis.json"]).loudness
    assert found is not None
    return found
