"""What cards say that can be asked for: typing errors are told at once, and nothing that might work is refused."""

from __future__ import annotations

import pytest

from colab.handlers.upscale.engines import KNOWN
from colab.models.known import MODELS as TABLE
from dispatcher.jobs.job import Job
from dispatcher.jobs.offers import refusal
from protocol.kinds.enhance import MODELS as WRITERS
from protocol.kinds.upscale import MODELS as UPSCALERS
from protocol.messages import EngineRecord, WorkerCard

VOICES = ("default", "af_heart", "am_michael", "en-us", "en-us+*")


def card(**choices: dict[str, tuple[str, ...]]) -> WorkerCard:
    """Return a card with these engines; an engine without choices lists nothing."""
    records = tuple(
        EngineRecord(name=name, version="1", provider="test", device="cpu", tier="embedded") for name in choices
    )
    known = {name: values for name, values in choices.items() if values}
    return WorkerCard(
        drop="0" * 16,
        id="w",
        worker="w",
        boot="0" * 16,
        kinds=("tts",),
        engines={"tts": records},
        choices={"tts": known},
    )


def job(voice: str, engine: str | None = None, language: str = "en-us") -> Job:
    """Return a job for this voice."""
    params = {"voice": voice, "language": language, "speed": 1.0, "steps": []}
    return Job(kind="tts", params=params, require_engine=engine)


@pytest.mark.parametrize("voice", ["af_heart", "AF_Heart", "default", "en_US", "en-us+f3"])
def test_what_is_listed_may_be_asked_for(voice: str) -> None:
    """Case and underscores do not matter, and a star stands for anything."""
    assert refusal(job(voice), [card(espeak={"voice": VOICES})]) is None


def test_a_typing_error_is_told_with_what_comes_near() -> None:
    """The message names the parameter, the value, the few that are most alike, and how many there are; no long list."""
    wrong = refusal(job("am_michale"), [card(espeak={"voice": VOICES})])
    assert wrong is not None
    assert "voice 'am_michale'" in wrong
    assert "did you mean am_michael" in wrong
    assert f"{len([voice for voice in VOICES if '*' not in voice])} in all" in wrong
    assert len(wrong) < 250
    assert "*" not in wrong


def test_one_worker_that_can_is_enough() -> None:
    """The union of all that were seen decides; an engine that lists nothing takes anything; no card, no judgement."""
    poor, rich = card(espeak={"voice": ("default",)}), card(kokoro={"voice": ("af_heart",)})
    assert refusal(job("af_heart"), [poor, rich]) is None
    assert refusal(job("af_heart"), [poor]) is not None
    assert refusal(job("af_heart"), [card(kokoro={})]) is None
    assert refusal(job("af_heart"), []) is None


def test_a_required_engine_is_judged_alone() -> None:
    """What another engine takes does not help."""
    both = card(espeak={"voice": ("en-us",)}, kokoro={"voice": ("af_heart",)})
    assert refusal(job("af_heart", engine="kokoro"), [both]) is None
    assert refusal(job("af_heart", engine="espeak"), [both]) is not None
    assert refusal(job("af_heart", engine="f5"), [both]) is None


def test_every_parameter_is_judged() -> None:
    """A language that nobody speaks is told like a voice that nobody has."""
    speaks = card(espeak={"voice": VOICES, "language": ("en-us", "de", "de-*")})
    assert refusal(job("default", language="de-AT"), [speaks]) is None
    assert "language 'tlh'" in (refusal(job("default", language="tlh"), [speaks]) or "")


def test_what_other_workers_take_is_told_with_the_hint() -> None:
    """A network that nobody here has is no typing error; a typing error is shown what there is elsewhere too."""
    record = EngineRecord(name="lanczos", version="1", provider="test", device="cpu", tier="embedded")
    poor = card().model_copy(
        update={
            "kinds": ("upscale",),
            "engines": {"upscale": (record,)},
            "choices": {"upscale": {"lanczos": {"model": ("auto", "lanczos")}}},
        }
    )
    wrong = refusal(Job(kind="upscale", params={"model": "nonsense"}), [poor])
    assert wrong is not None
    assert "x4plus-anime" in wrong
    assert "gpudrop[upscale]" in wrong
    lacking = refusal(Job(kind="upscale", params={"model": "x4plus"}), [poor])
    assert lacking is not None
    assert "For x4plus it takes a worker with PyTorch" in lacking
    rich = poor.model_copy(update={"choices": {"upscale": {"lanczos": {"model": ("auto", *UPSCALERS)}}}})
    assert "PyTorch" not in str(refusal(Job(kind="upscale", params={"model": "nonsense"}), [rich]))


def test_a_whisper_that_nobody_has_is_told_with_those_that_there_are() -> None:
    """A worker without faster-whisper is no reason to call a good name wrong; an owner's model is taken by its card."""
    record = EngineRecord(name="pocketsphinx", version="1", provider="test", device="cpu", tier="embedded")
    poor = card().model_copy(
        update={
            "kinds": ("transcribe",),
            "engines": {"transcribe": (record,)},
            "choices": {"transcribe": {"pocketsphinx": {"model": ("auto",)}}},
        }
    )
    wrong = refusal(Job(kind="transcribe", params={"model": "huge"}), [poor])
    assert "large-v3-turbo" in str(wrong)
    assert "gpudrop[whisper]" in str(refusal(Job(kind="transcribe", params={"model": "small"}), [poor]))
    rich = poor.model_copy(update={"choices": {"transcribe": {"pocketsphinx": {"model": ("auto", "dialects")}}}})
    assert refusal(Job(kind="transcribe", params={"model": "dialects"}), [rich]) is None


def test_the_networks_that_are_known_are_those_that_a_worker_knows() -> None:
    """Both sides name the same."""
    assert set(UPSCALERS) == set(KNOWN)
    assert set(WRITERS) == {model.name for model in TABLE.values() if model.kind == "enhance"}


def test_a_long_list_is_cut() -> None:
    """Where nothing looks like what was asked for, a few values are listed, and how many more there are."""
    many = tuple(f"voice-{n:02}" for n in range(60))
    wrong = refusal(job("qqq"), [card(espeak={"voice": many})])
    assert wrong is not None
    assert "voice-11 and 48 more" in wrong
    assert "voice-12" not in wrong
