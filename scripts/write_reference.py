"""Writes the pages of docs/reference that are generated.

scripts/with_ros.sh python scripts/write_reference.py
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from reference_pages.pages import PAGES

from handos_model.files.atomic_write import atomic_write

_REFERENCE: Final = Path(__file__).parents[1] / "docs/reference"


def main(folder: Annotated[Path, typer.Argument(metavar="DIR")] = _REFERENCE) -> None:
    """Write all pages to DIR."""
    for name, page in PAGES.items():
        text = page()
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    typer.run(main)
