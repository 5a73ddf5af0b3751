"""`handos COMMAND --help`: what a user reads who does not know Python."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from handos_model.commands.cli import app


def command_lines(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from command_lines(below, (*words, name))


ALL = list(command_lines(typer.main.get_command(app)))


def test_all_commands_are_asked() -> None:
    assert {("run",), ("finetune",), ("eval",), ("eval", "tracks")} <= set(ALL)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_names_values_and_no_types(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == 0
    assert not re.findall(r"<[^=>|]+>", answer.output)  # choices, <fp16|fp32>, are no types
    assert not re.search(r"--help +\S+ +Show", answer.output)


def test_values_without_a_name_of_their_own_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = CliRunner().invoke(app, ["synth", "--help"]).output
    assert re.search(r"--count +N \[x>=1\]", text)
    assert re.search(r"--gloves +X \[0<=x<=1\]", text)


def test_paragraphs_are_not_broken_where_their_source_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    lines = CliRunner().invoke(app, ["run", "--help"]).output.splitlines()
    (paragraph,) = [line for line in lines if line.strip().startswith("Without --camera")]
    assert paragraph.rstrip().endswith("exit code 1.")
