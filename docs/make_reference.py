"""Writes what is generated in this folder: ``cli.md`` from the commands' help, ``result.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lmgraph import result
from lmgraph.cli import cli

HERE = Path(__file__).resolve().parent
_WIDTH = 100
_INTRODUCTION = (
    "What `--help` says; written by `docs/make_reference.py`. "
    "[The command line](command-line.md) explains it."
)


def cli_reference() -> str:
    """The help of the program and of each command, as Markdown."""
    parts = [
        "# Command-line reference",
        _INTRODUCTION,
        _help(cli, "lmgraph"),
    ]
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
    (HERE / "cli.md").write_text(cli_reference(), encoding="utf-8")
    (HERE / "result.schema.json").write_text(result_schema(), encoding="utf-8")
