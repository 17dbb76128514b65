"""What may be asked for."""

from __future__ import annotations

import pytest

from lmgraph.errors import UsageError
from lmgraph.simulate import Options


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"scenarios": ("chain", "tsunami")},
            "no such scenario; there are chain, new-accounts, .*--scenario",
        ),
        ({"flavour": "evtx"}, r"no such flavour; there are fdr, logscale, table \[--flavour\]"),
        ({"hosts": 19}, r"hosts must be 20 to 10000 \[--hosts\]"),
        ({"days": 1}, r"days must be 2 to 60 \[--days\]"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"noise": 11}, r"noise must be 0 to 10 \[--noise\]"),
        ({"noise": float("nan")}, "noise must be"),
    ],
)
def test_wrong_values_are_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        Options(**wrong)


def test_default_is_one_chain():
    assert Options().scenarios == ("chain",)
