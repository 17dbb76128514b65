"""lmgraph: ranked SMB lateral-movement paths out of endpoint telemetry, offline.

``analyze`` reads telemetry and gives a ``Result``; everything that is not in ``__all__`` is
private. Names are imported when they are first used, so that ``import lmgraph`` costs nothing.
"""

from __future__ import annotations

from lmgraph._version import __version__

TYPE_CHECKING = False  # importing typing takes as long as all else before an interrupt is heeded

if TYPE_CHECKING:
    from lmgraph.api import Result, analyze, read_events
    from lmgraph.errors import (
        InputError,
        LmgraphError,
        OutputError,
        RecordError,
        ResultError,
        UsageError,
    )
    from lmgraph.settings import Settings

__all__ = [
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

_HOME = {"Result": "api", "analyze": "api", "read_events": "api", "Settings": "settings"}


def __getattr__(name: str) -> object:
    """The public name out of its module, on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, so that completion offers them before they are loaded."""
    return sorted({*globals(), *__all__})
