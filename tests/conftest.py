"""What all tests share: reproducible property tests and the path of the public recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("lmgraph", derandomize=True, deadline=None)
settings.load_profile("lmgraph")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the public recordings: ``LMGRAPH_RECORDINGS``, else ``../shared/data``."""
    folder = ROOT / os.environ.get("LMGRAPH_RECORDINGS", "../shared/data")
    if not (folder / "real").is_dir():
        message = "the public recordings are not there; set LMGRAPH_RECORDINGS"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def samples(root: Path) -> Path:
    """The folder of the samples."""
    return root / "samples"
