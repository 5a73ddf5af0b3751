"""`PAGES`: what is generated."""

from collections.abc import Callable, Mapping
from typing import Final

from reference_pages.command_line import command_line_page
from reference_pages.launch_arguments import launch_arguments_page
from reference_pages.messages import messages_page
from reference_pages.parameters import parameters_page
from reference_pages.topics import topics_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "command_line.md": command_line_page,
    "launch_arguments.md": launch_arguments_page,
    "messages.md": messages_page,
    "parameters.md": parameters_page,
    "topics.md": topics_page,
}
"""By the name of the file."""
