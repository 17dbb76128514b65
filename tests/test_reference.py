"""The generated and the key-by-key documents say what the code does."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

import lmgraph
from lmgraph import api, errors, result, summary
from lmgraph.tuning import load
from tests.fixtures.story import quiet, story

STRUCTS = [
    value
    for name, value in vars(result).items()
    if inspect.isclass(value) and issubclass(value, msgspec.Struct) and not name.startswith("_")
]


@pytest.fixture(scope="module")
def docs(root: Path) -> Path:
    return root / "docs"


@pytest.fixture(scope="module")
def generator(docs: Path):
    spec = importlib.util.spec_from_file_location("make_reference", docs / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date(docs, generator):
    assert (docs / "command-line.md").read_text("utf-8") == generator.command_line()
    assert (docs / "result.schema.json").read_text("utf-8") == generator.result_schema()


@pytest.mark.parametrize("made", [story, quiet])
def test_schema_accepts_results_and_refuses_others(docs, made):
    schema = json.loads((docs / "result.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(result.encode(made()))
    jsonschema.validate(document, schema)
    document["coverage"]["records"] = "many"
    with pytest.raises(jsonschema.ValidationError, match="'many' is not of type 'integer'"):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_key_of_the_result_is_explained(docs, struct):
    text = (docs / "result.md").read_text("utf-8")
    section = re.search(rf"^## {struct.__name__}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"no section ## {struct.__name__}"
    keys = re.findall(r"^\| `(\w+)` \| \S", section[1], re.MULTILINE)
    assert keys == [field.encode_name for field in msgspec.structs.fields(struct)]


def test_api_page_names_every_public_name_and_option(docs):
    text = (docs / "api.md").read_text("utf-8")
    for name in set(lmgraph.__all__) - {"__version__"}:
        assert name in text
    for option in api.Options.__annotations__:
        assert f"`{option}`" in text
    for name in vars(api.Result):
        if not name.startswith("_"):
            assert f"`{name}" in text or f"`Result.{name}" in text, name


def test_examples_of_the_tuning_page_are_read(docs, tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (docs / "tuning.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "tuning.toml").write_text("\n".join(blocks))
    entries, _ = load(str(tmp_path / "tuning.toml"), default=False)
    proposed = "nwprobe.exe on BER-MON01 as CORP\\svc-monitor"
    assert {entry.name for entry in entries} == {"backup", "software distribution", proposed}
    assert any("user = 'CORP\\svc_deploy'" in block for block in blocks)


def test_every_limit_is_explained(docs):
    text = (docs / "result.md").read_text("utf-8").partition("### Limits")[2].partition("## Notice")[0]
    assert re.findall(r"^- `(\w+)`", text, re.MULTILINE) == list(summary.CAPS)


def test_error_tree_is_the_one_of_the_code(docs):
    drawn = re.findall(r"(\w+Error)\b", (docs / "api.md").read_text("utf-8").split("## Errors")[1])
    assert set(drawn) == {name for name, value in vars(errors).items() if inspect.isclass(value)}


def test_example_of_the_api_page_runs(docs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "run", lambda *_: type("Outcome", (), {"data": story(), "rejects": ()}))
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", (docs / "api.md").read_text("utf-8"), re.DOTALL):
        exec(block, names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "result.json"]
