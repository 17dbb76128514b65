"""The wheel, installed without constraints and extras into an empty environment, does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed; nothing of this environment leaks into it."""
    outside = ("PYTHONPATH", "PYTHONHOME", "PIP_CONSTRAINT", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    env = {key: value for key, value in os.environ.items() if key not in outside}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def test_a_plain_install_finds_the_path(root: Path, samples: Path, tmp_path: Path) -> None:
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, root, cwd=tmp_path)
    (wheel,) = tmp_path.glob("lmgraph-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("tests/", "samples/", "docs/", "benchmarks/"))]
    assert "lmgraph/py.typed" in names
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names}

    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", *pip, "install", wheel, cwd=tmp_path)
    result = json.loads(run(programs / "lmgraph", "analyze", samples, "--json", "-", cwd=tmp_path))
    hosts = {host["id"]: host["name"] for host in result["hosts"]}
    assert result["schema"] == "lmgraph/result/1"
    assert [hosts[host] for host in result["paths"][0]["hosts"]] == ["WS042", "SRV7", "SRV12", "DC1"]
