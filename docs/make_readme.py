"""Writes what the README shows of the tool: the excerpt in it, and the picture ``img/report.png``.

The picture needs Debian's ``chromium``; without it the one that is there stays.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
README = ROOT / "README.md"
COMMAND = ("analyze", "samples/fdr", "samples/logscale", "--top", "1")
WIDTH = 100
SIZE = (1440, 960)
BROWSER = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync --virtual-time-budget=8000"
)


def excerpt() -> str:
    """The command and what it prints, as a block of Markdown."""
    env = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "lmgraph", *COMMAND, "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", check=True)
    lines = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return f"```\n$ lmgraph {' '.join(COMMAND)}\n{lines}\n```"


def with_excerpt(page: str) -> str:
    """The README with the excerpt between its two marks."""
    marks = re.compile(r"(<!-- excerpt -->\n).*?(<!-- end of excerpt -->)", flags=re.DOTALL)
    return marks.sub(lambda match: f"{match[1]}{excerpt()}\n{match[2]}", page)


def write_picture() -> None:
    """The first screen of the page, drawn without a network."""
    import lmgraph

    browser = shutil.which("chromium")
    if browser is None:
        print("docs/img/report.png stays as it is: there is no chromium here")
        return
    picture = DOCS / "img" / "report.png"
    picture.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        lmgraph.analyze(ROOT / "samples/fdr", ROOT / "samples/logscale").to_html(page)
        command = [browser, *BROWSER.split(), f"--user-data-dir={scratch}/profile"]
        command += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    README.write_text(with_excerpt(README.read_text(encoding="utf-8")), encoding="utf-8")
    write_picture()
