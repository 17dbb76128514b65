"""The public face of the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lmgraph

PUBLIC = [
    "InputError",
    "LmgraphError",
    "OutputError",
    "RecordError",
    "Result",
    "ResultError",
    "Settings",
    "UsageError",
    "__version__",
    "analyze",
    "read_events",
]


def test_the_public_names_are_these():
    assert lmgraph.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_explained(name):
    value = getattr(lmgraph, name)
    assert name in dir(lmgraph)
    assert isinstance(value, str) or value.__doc__


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'scope'"):
        lmgraph.scope  # noqa: B018


@pytest.mark.parametrize("statement", ["import lmgraph", "import lmgraph.cli", "import lmgraph.api"])
def test_nothing_heavy_is_imported_before_it_is_needed(statement):
    heavy = "{'pandas', 'numpy', 'numba', 'networkx', 'pyvis', 'IPython', 'rich', 'jinja2', 'pyarrow'}"
    code = f"{statement}; import sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
