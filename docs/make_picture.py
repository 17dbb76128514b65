"""Writes ``img/report.png``, the picture of the README: the page of the samples as a browser shows it.

Needs Debian's ``chromium``; without it the picture that is there stays.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import lmgraph

DOCS = Path(__file__).resolve().parent
SIZE = (1440, 900)


def write_picture() -> None:
    """The first screen of the page, drawn without a network."""
    browser = shutil.which("chromium")
    if browser is None:
        print("docs/img/report.png stays as it is: there is no chromium here")
        return
    picture = DOCS / "img" / "report.png"
    picture.parent.mkdir(exist_ok=True)
    samples = DOCS.parent / "samples"
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        lmgraph.analyze(*(samples / name for name in ("fdr", "logscale", "query-result"))).to_html(page)
        options = (
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
            "--disable-background-networking --disable-component-update --disable-sync"
        )
        command = [
            browser,
            *options.split(),
            "--virtual-time-budget=8000",
            f"--user-data-dir={scratch}/profile",
        ]
        command += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    write_picture()
