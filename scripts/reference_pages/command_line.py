"""The commands of `handos` and their options, as Typer describes them."""

import re
import subprocess
import sys

from reference_pages.markdown import page

_TYPER = (sys.executable, "-m", "typer", "handos_model.commands.cli", "utils", "docs", "--name", "handos")


def command_line_page() -> str:
    """Typer's own page, with whole sentences in its lists of commands."""
    text = subprocess.run(_TYPER, check=True, capture_output=True, text=True).stdout
    _, _, text = text.partition("\n")  # its title
    text = text.replace("&#x27;", "'").replace("&quot;", '"')  # which Markdown needs not escape
    first_lines = dict(re.findall(r"^#+ `(handos [^`]+)`\n\n(.+)$", text, re.MULTILINE))
    for command, first_line in first_lines.items():
        parent, _, name = command.rpartition(" ")
        listed = rf"(?s)(\$ {parent} \[OPTIONS\] COMMAND.*?\n)\* `{name}`: [^\n]*"
        text = re.sub(listed, lambda match, it=(command, first_line): _linked(match, *it), text, count=1)  # type: ignore[misc]
    return page("The command `handos`", "handos_model/commands/", text.strip())


def _linked(match: "re.Match[str]", command: str, first_line: str) -> str:
    return f"{match[1]}* [`{command}`](#{command.replace(' ', '-')}): {first_line}"
