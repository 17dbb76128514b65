"""The documents: commands and options exist, links lead somewhere, nothing of one machine is in them."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest

from lmgraph import score
from lmgraph.cli import cli
from tests.conftest import ROOT


def tracked() -> list[Path]:
    """Every file of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


PAGES = [path for path in tracked() if path.suffix == ".md"]
HELP = {"--help", "--version"}


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


CODE = re.compile(r"```.*?```|`[^`\n]+`", flags=re.DOTALL)


def code(text: str) -> str:
    """Everything in fences and back-ticks."""
    return "\n".join(CODE.findall(text))


def options_of(command: click.Command) -> set[str]:
    """All spellings of a command's long options."""
    spelled = (param for param in command.params if isinstance(param, click.Option))
    return {name for param in spelled for name in (*param.opts, *param.secondary_opts) if name[:2] == "--"}


def commands() -> dict[str, click.Command]:
    assert isinstance(cli, click.Group)
    return dict(cli.commands)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    text = code(page.read_text(encoding="utf-8"))
    assert set(re.findall(r"\bmake ([a-z]+)", text)) <= make_targets()
    assert set(re.findall(r"^(?:`|\$ )?lmgraph ([a-z]+)", text, flags=re.MULTILINE)) <= set(commands())
    known = HELP.union(*(options_of(command) for command in [cli, *commands().values()]))
    for line in text.splitlines():
        if "lmgraph" in line or line.startswith("`--"):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)) <= known, line


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_documented_and_helped(name: str) -> None:
    command = commands()[name]
    documented = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    assert f"lmgraph {name}" in documented
    assert command.help
    for option in sorted(options_of(command) - HELP):
        assert re.search(rf"(?<![\w-]){option}\b", documented), option
    for param in command.params:
        assert not isinstance(param, click.Option) or param.help, param.name


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path), link


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Written so that the patterns do not find themselves.
FOREIGN = {
    "a path of one machine": r"(?<![\w.\\])/(?:wor[k]|roo[t]|hom[e]/\w|op[t]/\w|Users/[a-z])\b",
    "a package index": r"https?://[^\s\"')]*(?:pythonhoste[d]|artifactor[y]|devp[i]|nexu[s]|/simpl[e]\b)",
    "an index option": r"--(?:extra-)?index-ur[l]|--trusted-hos[t]|--find-link[s]",
    "an address with a port": r"https?://(?:localhos[t]|[0-9.]+):\d+",
}


def test_tracked_files_say_nothing_of_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [(ids(path), what) for what, pattern in FOREIGN.items() if re.search(pattern, text)]
    assert found == []


def test_pins_are_plain_and_complete() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {re.split(r"[^\w-]", entry)[0].lower() for entry in wanted} <= pinned


def test_the_example_of_a_score_adds_up_and_is_that_of_a_hop() -> None:
    page = (ROOT / "docs/scoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (\S+) \| (\S+) \|$", page, flags=re.MULTILINE)
    met = {name: np.array([name in {row[1] for row in rows}]) for name in score.WEIGHTS}
    halves = score.damped(met, {name: term.weight for name, term in score.WEIGHTS.items()})
    terms = {}
    for group, name, weight, counted in rows:
        term = score.WEIGHTS[name]
        assert (group, weight) == (term.group, f"{term.weight / 1000:+.3g}")
        value = int(halves[name][0]) * term.weight // 2 / 1000
        assert counted == (f"{value:+.3g}" if value else "nothing")
        terms |= {name: value} if value else {}
    assert f"| | the hop's score | | {sum(terms.values()):g} |" in page
    golden = json.loads((ROOT / "tests/golden/samples.json").read_text(encoding="utf-8"))
    (source,) = [row["id"] for row in golden["hosts"] if row["name"] == "SRV7"]
    (target,) = [row["id"] for row in golden["hosts"] if row["name"] == "SRV12"]
    hops = [row for row in golden["hops"] if (row["source"], row["target"]) == (source, target)]
    assert terms in [row["score_terms"] for row in hops]


def test_the_excerpt_in_the_readme_is_what_the_tool_prints() -> None:
    script = runpy.run_path(str(ROOT / "docs/make_readme.py"))
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script["excerpt"]() in page, "see make docs"
