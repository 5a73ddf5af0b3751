"""The pages of the documentation, and the code in them."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for pattern in ("*.md", "docker/*.md", "docs/**/*.md", "examples/*.md", "handos_model/weights/*.md")
    for page in sorted(ROOT.glob(pattern))
]
SHELL = ("", "sh", "bash", "console")
"""Languages of blocks that may hold commands; indented blocks have none."""


@dataclass(frozen=True)
class Code:
    """A block of code, or a piece of it in the text."""

    page: Path
    line: int
    language: str
    text: str
    is_inline: bool

    @property
    def place(self) -> str:
        """For a message, and to name a test by."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command as a reader would type it."""

    words: tuple[str, ...]
    code: Code

    def __str__(self) -> str:
        return f"{self.code.place} {' '.join(self.words)}"


def code_in(page: Path) -> list[Code]:
    """All code of a page, in order."""
    return list(_code_of(page, MarkdownIt("commonmark").enable("table").parse(page.read_text()), 0))


def commands() -> list[Command]:
    """Every command that somebody has typed into the documentation: lines of shell blocks, and code in the text."""
    typed = [page for page in PAGES if page.parent.name != "reference"]
    return [command for page in typed for code in code_in(page) for command in _commands_in(code)]


def _code_of(page: Path, tokens: list[Token], line: int) -> Iterator[Code]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        if token.type in ("fence", "code_block"):
            yield Code(page, line, token.info.strip(), token.content, is_inline=False)
        elif token.type == "code_inline":
            yield Code(page, line, "", token.content, is_inline=True)
        yield from _code_of(page, token.children or [], line)


def _commands_in(code: Code) -> Iterator[Command]:
    if code.language not in SHELL:
        return
    for line in code.text.replace("\\\n", " ").splitlines():
        for words in _simple_commands(line.removeprefix("$ ")):
            yield Command(words, code)


def _simple_commands(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line that are joined by &&, ; or |, without settings of variables in front."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;")
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        words = list(lexer)
    except ValueError:  # no command: an apostrophe in plain text
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word in ("&&", ";", "|"):
            if command:
                yield tuple(command)
            command = []
        elif command or not _sets_a_variable(word):
            command.append(word)


def _sets_a_variable(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
