"""Writes what is generated in this folder: the help in ``command-line.md``, ``result.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lmgraph import result
from lmgraph.cli import cli

HERE = Path(__file__).resolve().parent
_WIDTH = 100
_MARK = "<!-- What follows is the commands' own help; `make docs` writes it. -->"


def command_line() -> str:
    """``command-line.md``: what is written by hand down to the mark, then the help of each command."""
    written = (HERE / "command-line.md").read_text(encoding="utf-8").partition(_MARK)[0]
    parts = [f"{written}{_MARK}", "## lmgraph", _help(cli, "lmgraph")]
    for name, command in sorted(cli.commands.items()):
        parts += [f"## lmgraph {name}", _help(command, f"lmgraph {name}")]
    return "\n\n".join(parts) + "\n"


def result_schema() -> str:
    """The JSON Schema of ``analyze --json``."""
    return json.dumps(result.json_schema(), indent=1) + "\n"


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH)
    context.help_option_names = ["-h", "--help"]
    return f"```\n{command.get_help(context)}\n```"


if __name__ == "__main__":
    (HERE / "command-line.md").write_text(command_line(), encoding="utf-8")
    (HERE / "result.schema.json").write_text(result_schema(), encoding="utf-8")
