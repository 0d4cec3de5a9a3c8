"""The generated reference is current, and its schemas describe the real messages."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from protocol.kinds import KINDS
from protocol.kinds.tts import Step
from tests.support import faults

ROOT = Path(__file__).parent.parent.parent
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


def test_the_reference_is_current() -> None:
    """docs/reference/ holds what `make reference` would write, and nothing else."""
    here = ROOT / "docs" / "reference"
    found = {str(p.relative_to(here)): p.read_text(encoding="utf-8") for p in here.rglob("*") if p.is_file()}
    assert found == generate.reference()


def test_the_pages_of_the_kinds_have_their_options() -> None:
    """docs/kinds/ holds a page for every kind of work, with the options of its command or what a job of it is asked."""
    assert {page.stem for page in generate.pages()} == KINDS.keys() - {"echo"}
    assert {page: page.read_text(encoding="utf-8") for page in generate.pages()} == generate.pages()


def test_every_parameter_of_a_narration_is_told() -> None:
    """The kind without a command has its parameters in its page, those of a step too, each with a meaning."""
    page = next(text for page, text in generate.pages().items() if page.stem == "tts")
    rows = dict(row.split(" | ", 1) for row in page.splitlines() if row.startswith("| `"))
    for name in (*KINDS["tts"].params.model_fields, *(f"steps[].{name}" for name in Step.model_fields)):
        assert len(rows[f"| `{name}`"].split(" | ")[1]) > 10


@pytest.mark.parametrize(
    ("golden", "schema"),
    [("claim", "Claim"), ("beat", "Beat"), ("hello", "WorkerCard"), ("part", "Part"), ("accepted", "Accepted")],
)
def test_golden_messages_fit_their_schemas(golden: str, schema: str) -> None:
    """A schema that a stranger implements against accepts what we write, and not without its checksum."""
    message = json.loads((ROOT / "tests" / "golden" / f"{golden}.json").read_bytes())
    rules = json.loads(generate.reference()[f"messages/{schema}.schema.json"])
    jsonschema.validate(message, rules)
    del message["seal"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, rules)


def test_every_kind_has_a_schema() -> None:
    """A new kind appears in the reference by itself."""
    assert {f"kinds/{name}.schema.json" for name in KINDS} <= set(generate.reference())


def test_every_row_names_its_test() -> None:
    """No fault is promised to be met without a test that meets it."""
    found = faults.proofs(ROOT / "tests")
    assert {row.id for row in faults.ROWS} == found.keys()


def test_a_row_without_a_test_is_noticed() -> None:
    """Nobody can add a fault, or remove the last test of one, and keep a current reference."""
    found = faults.proofs(ROOT / "tests")
    found.pop("symlink")
    with pytest.raises(ValueError, match=r"no test is marked .* for: symlink"):
        faults.page(found)


def test_a_marker_without_a_row_is_noticed(tmp_path: Path) -> None:
    """A typing error in a marker fails the reference; markers of a whole file and several of one test count."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.slow, pytest.mark.fault('symlink')]\n"
        "@pytest.mark.fault('bad-json')\n@pytest.mark.fault('symlnk')\ndef test_a(): ...\n"
        "class TestB:\n    def test_b(self): ...\n"
    )
    found = faults.proofs(tmp_path)
    assert found == {
        "symlink": ["test_it.py::test_a", "test_it.py::test_b"],
        "bad-json": ["test_it.py::test_a"],
        "symlnk": ["test_it.py::test_a"],
    }
    with pytest.raises(ValueError, match="name no row of the fault matrix: symlnk"):
        faults.page(found)


def test_a_marker_is_written_out(tmp_path: Path) -> None:
    """What cannot be read without running the tests is refused."""
    (tmp_path / "test_it.py").write_text("import pytest\n@pytest.mark.fault(ROW)\ndef test_a(): ...\n")
    with pytest.raises(ValueError, match="written out as text"):
        faults.proofs(tmp_path)
