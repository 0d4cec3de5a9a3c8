"""Downloads that go well, are cut, are something else, or find no room."""

from __future__ import annotations

import logging
import shutil
import socket
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from colab.models import download as downloading
from colab.models import telling
from colab.work import StopWork
from protocol.errors import JobFailed

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _log(caplog):
    caplog.set_level(logging.INFO, logger="colab")


def failure(models) -> JobFailed:
    with pytest.raises(JobFailed) as failed:
        models.path("voice.onnx")
    return failed.value


def test_a_file_is_downloaded_once(make_models, site, cached, content, caplog):
    """What was downloaded is there for good, and the log said how it went."""
    models = make_models()
    assert models.path("voice.onnx") == cached
    assert cached.read_bytes() == content
    assert make_models().path("voice.onnx") == cached
    assert len(site.asked) == 1
    assert sorted(path.name for path in cached.parent.iterdir()) == ["voice.onnx", "voice.onnx.lock"]
    assert "downloading voice.onnx: " in caplog.text


def test_a_cut_download_goes_on_where_it_was(make_models, site, content):
    """A connection that ends at half the file costs the other half, not the whole: Range, and If-Range with the tag."""
    site.cuts = [len(content) // 2]
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range") == [None, f"bytes={len(content) // 2}-"]
    assert site.header("if-range") == [None, '"one"']
    assert site.sent == len(content)


def test_a_download_that_gives_up_is_continued_by_the_next_process(make_models, site, cached, content):
    """After a few tries it is UNSUPPORTED; what arrived stays, and the next process needs only the rest."""
    site.cuts = [1_500_000] + [0] * len(downloading.WAITS_S)
    failed = failure(make_models())
    assert failed.code == "UNSUPPORTED"
    assert "1500000 bytes are kept" in str(failed)
    assert not cached.exists()
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range")[-1] == "bytes=1500000-"
    assert site.sent == len(content)


def test_tries_are_few_unless_they_bring_something(make_models, site):
    """A server that is never there is asked five times."""
    site.statuses = [503] * 100
    assert "HTTP 503" in str(failure(make_models()))
    assert len(site.asked) == 1 + len(downloading.WAITS_S)


def test_a_slow_download_may_be_cut_often(make_models, site, content, monkeypatch):
    """A cut after bytes worth while begins the count of tries again."""
    monkeypatch.setattr(downloading, "WORTH_WHILE", 100_000)
    site.cuts = [100_000] * 20
    assert make_models().path("voice.onnx").read_bytes() == content


def test_getting_as_far_again_is_no_progress(make_models, site):
    """A server that is cut at the same place each time and refuses ranges is given up on, too."""
    site.cuts, site.refuses_range = [1_500_000] * 100, True
    assert "0 bytes are kept" in str(failure(make_models()))
    assert len(site.asked) <= 2 + len(downloading.WAITS_S)


def test_going_round_in_circles_has_an_end(make_models, site):
    """A redirect to itself is given up on like a network that fails."""
    path = next(iter(site.files))
    site.redirects[path] = path
    assert "redirect" in str(failure(make_models()))


def test_a_server_without_ranges_sends_it_all_again(make_models, site, content):
    """Its answer 200 replaces the first half instead of following it."""
    site.ranges, site.cuts = False, [len(content) // 2]
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.sent == len(content) + len(content) // 2


def test_another_tag_means_the_whole_file_again(make_models, site, cached, content):
    """The half of a file that has changed there since is not continued."""
    site.cuts = [1_500_000] + [0] * len(downloading.WAITS_S)
    failure(make_models())
    site.etag = '"two"'
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("if-range")[-1] == '"one"'
    assert site.sent == len(content) + 1_500_000


def test_a_weak_tag_is_not_relied_on(make_models, site, content):
    """A weak tag must not be sent in If-Range; the digest decides instead."""
    site.etag, site.cuts = 'W/"one"', [1_500_000]
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("if-range") == [None, None]


def test_a_range_that_is_refused_begins_again(make_models, site, content):
    """416 throws away what was there; the next request asks for everything."""
    site.cuts, site.refuses_range = [1_500_000], True
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range") == [None, "bytes=1500000-", None]


def test_pieces_that_do_not_fit_are_downloaded_again_whole(make_models, site, cached, content, caplog):
    """A first half that is something else is found out by the digest, and costs one more download."""
    cached.parent.mkdir(parents=True)
    cached.with_name("voice.onnx.part").write_bytes(b"x" * 1_000_000)
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range") == ["bytes=1000000-", None]
    assert "does not fit together" in caplog.text


def test_an_answer_from_another_byte_is_not_put_there(make_models, site, content):
    """206 that begins elsewhere than asked is not appended."""
    site.cuts, site.early = [1_500_000], 1000
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range") == [None, "bytes=1500000-", None]


def test_a_file_that_changes_meanwhile_is_downloaded_again_whole(make_models, site, content):
    """Without a tag the halves of two files come together; the digest tells, and the third request is for all."""
    path = next(iter(site.files))
    site.files[path], site.then = b"x" * len(content), content
    site.etag, site.cuts = "", [1_500_000]
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range") == [None, "bytes=1500000-", None]


@pytest.mark.parametrize("left", ["whole", "too long"])
def test_a_part_that_needs_no_more_is_not_believed(make_models, cached, content, left):
    """A part of full size with other bytes, or one that is longer than the file, is replaced."""
    cached.parent.mkdir(parents=True)
    cached.with_name("voice.onnx.part").write_bytes(b"x" * (len(content) + (left == "too long")))
    assert make_models().path("voice.onnx").read_bytes() == content


def test_other_bytes_of_the_same_length_are_an_error(make_models, site, file, cached, content):
    """They are deleted, and the message has both digests and a hint. Asking twice would not help."""
    site.files = dict.fromkeys(site.files, b"x" * len(content))
    failed = failure(make_models())
    assert failed.code == "UNSUPPORTED"
    assert file.sha256 in str(failed)
    assert "found 3000000 bytes with sha256 " in str(failed)
    assert "proxy" in str(failed)
    assert [path.name for path in cached.parent.iterdir()] == ["voice.onnx.lock"]
    assert len(site.asked) == 1


def test_another_length_is_refused_before_it_travels(make_models, site):
    """A login page in place of the file is told by its length."""
    site.files = dict.fromkeys(site.files, b"<html>please log in</html>")
    assert "has 26 bytes there, and the file has 3000000" in str(failure(make_models()))


def test_more_than_the_file_is_refused(make_models, site, content, cached):
    """A server that does not say how much it sends is stopped at the file's length, and nothing is kept."""
    site.length = False
    site.files = dict.fromkeys(site.files, content + b"x" * 5_000_000)
    assert "more than the 3000000 bytes" in str(failure(make_models()))
    assert [path.name for path in cached.parent.iterdir()] == ["voice.onnx.lock"]


@pytest.mark.parametrize(("status", "hint"), [(404, "newer gpudrop"), (401, "HF_TOKEN"), (403, "HF_TOKEN")])
def test_a_final_answer_is_not_asked_for_again(make_models, site, status, hint):
    """404 and 401 end it at once, with what to do."""
    site.statuses = [status] * 9
    failed = failure(make_models())
    assert failed.code == "UNSUPPORTED"
    assert f"HTTP {status}" in str(failed)
    assert hint in str(failed)
    assert len(site.asked) == 1


def test_a_server_may_ask_for_patience(make_models, site, content, monkeypatch):
    """Retry-After is kept to, up to a minute."""
    slept = []
    monkeypatch.setattr(downloading.time, "sleep", slept.append)
    site.statuses, site.headers = [429, 503], {"retry-after": "7"}
    assert make_models().path("voice.onnx").read_bytes() == content
    assert slept == [7.0, 7.0]


def test_patience_has_an_end(make_models, site, monkeypatch):
    """A server that asks for a day gets a minute."""
    slept = []
    monkeypatch.setattr(downloading.time, "sleep", slept.append)
    site.statuses, site.headers = [429], {"retry-after": "86400"}
    make_models().path("voice.onnx")
    assert slept == [downloading.LONGEST_WAIT_S]


def test_without_a_network_it_is_unsupported(make_models, site, file, cached):
    """A host that does not answer is UNSUPPORTED here, so that another engine or worker may do the job.

    Where the file belongs is said, for who brings it by another way.
    """
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site.address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    failed = failure(make_models())
    assert failed.code == "UNSUPPORTED"
    assert "Check the network" in str(failed)
    assert str(failed).endswith(f"sha256 {file.sha256} at {cached}")


def test_offline_asks_nobody(make_models, site, file, cached):
    """A worker that may not download says which file it lacks and where to put it."""
    models = make_models(offline=True)
    failed = failure(models)
    assert (failed.code, models.offline, models.present("voice.onnx")) == ("UNSUPPORTED", True, False)
    assert all(part in str(failed) for part in ("voice.onnx", file.sha256, str(cached), "HF_HUB_OFFLINE"))
    assert site.asked == []


def test_the_token_goes_to_hugging_face_only(make_models, site, elsewhere, content, caplog):
    """The host that the file is asked of gets it; the host it is redirected to does not, nor does the log."""
    path = next(iter(site.files))
    site.redirects[path] = f"{elsewhere.address}/cdn"
    elsewhere.files["/cdn"] = content
    caplog.set_level(logging.DEBUG)
    models = make_models(token="hf_secret")
    assert models.path("voice.onnx").read_bytes() == content
    assert site.header("authorization") == ["Bearer hf_secret"]
    assert elsewhere.header("authorization") == [None]
    assert "hf_secret" not in caplog.text
    assert "hf_secret" not in repr(models._places)


def test_a_file_from_github_is_fetched_without_the_token(make_models, site, file, content):
    """GitHub is not told the token of another host."""
    models = make_models(token="hf_secret")
    models._files = {file.name: replace(file, host="github", revision="v1", file="voice.onnx")}
    site.files = {"/some/model/releases/download/v1/voice.onnx": content}
    assert models.path("voice.onnx").read_bytes() == content
    assert site.header("authorization") == [None]


def test_no_room_is_known_before_the_first_byte(make_models, site, monkeypatch):
    """A disk with too little room is STORAGE, with what is needed and what is there, and nobody is asked."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10_000_000, 0, 2_999_999 + downloading.KEPT_FREE))
    failed = failure(make_models())
    assert failed.code == "STORAGE"
    assert "voice.onnx" in str(failed)
    assert "GPUDROP_WORKER_MODELS_DIR" in str(failed)
    assert site.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_is_given_its_room_back(make_models, cached):
    """ENOSPC while writing is STORAGE, and no part is left on the full disk."""
    cached.parent.mkdir(parents=True)
    cached.with_name("voice.onnx.part").symlink_to("/dev/full")
    failed = failure(make_models())
    assert failed.code == "STORAGE"
    assert "no room left" in str(failed)
    assert [path.name for path in cached.parent.iterdir()] == ["voice.onnx.lock"]


def test_the_pace_is_humane(file, caplog):
    """A line at once; then one every two seconds to whoever waits, and every ten to the log."""
    told, now = [], 100.0
    teller = telling.DownloadReporter(file, told.append, clock=lambda: now)
    for _ in range(50):
        teller.arrived(1_500_000)
        now += 0.5
    assert told == ["downloading voice.onnx: 50 % of 3.0 MB"] * 13
    assert [record.getMessage() for record in caplog.records] == told[:3]


def test_whoever_waits_is_told_and_may_leave(make_models, site, cached, content, monkeypatch):
    """A job that is cancelled ends the download; what arrived is kept, and nobody is locked out."""
    monkeypatch.setattr(telling, "TELL_S", 0.0)
    told = []

    def tell(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            raise StopWork

    with pytest.raises(StopWork):
        make_models(tell).path("voice.onnx")
    assert told[0].startswith("downloading voice.onnx: ")
    assert told[0].endswith(" % of 3.0 MB")
    kept = cached.with_name("voice.onnx.part").stat().st_size
    assert 0 < kept < len(content)
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range")[-1] == f"bytes={kept}-"
