"""Words, figures and tables as Markdown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.figures import Figure

_WIDTH: Final = 118


def prose(*sentences: str) -> str:
    """A paragraph, broken into lines."""
    return textwrap.fill(" ".join(sentences), _WIDTH, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fence(*lines: str) -> str:
    """Commands."""
    return "\n".join(["```", *lines, "```"])


def number(value: float | None, digits: int = 3) -> str:
    """A value to so many digits behind the point, to one or none where it is large; – is nothing."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    size = abs(value)
    return f"{value:.{digits if size < 10 else int(size < 100)}f}"


def mean(measured: Figure, digits: int = 3) -> str:
    """``0.981 ± 0.004``: the mean over seeds and its standard error."""
    if measured.error is None:
        return number(measured.mean, digits)
    return f"{number(measured.mean, digits)} ± {number(measured.error, digits)}"


def change(part: Figure, whole: Figure) -> str:
    """How far one mean is from another, with its sign; = is less than is shown."""
    if part.mean is None or whole.mean is None:
        return "–"
    text = f"{part.mean - whole.mean:+.3f}"
    return "=" if float(text) == 0 else text.replace("-", "−")


def joined(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def listed(numbers: Sequence[int]) -> str:
    """``1 to 6`` where no number between is absent, else all of them."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return joined([str(each) for each in numbers])
