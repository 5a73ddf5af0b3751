"""How Sphinx makes the site of the documentation: `make docs`.

The source folder is the whole repository, so that the links between pages, READMEs and files are the same here and on
GitHub. `toc.yml` lists the pages.
"""

from pathlib import Path
from typing import Any, NewType

import numpy as np
from docutils import nodes

from handos_model import __version__
from handos_model.geometry import arrays

DOCS = Path(__file__).parent

# Before anything imports them: signatures then have these names instead of what they stand for.
for alias in ("FloatArray", "Float64Array", "ImageArray", "IntArray"):
    named = NewType(alias, np.ndarray)
    named.__module__ = arrays.__name__
    setattr(arrays, alias, named)

project = "HandOS for ROS 2"
author = "the HandOS for ROS 2 contributors"
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_external_toc",
]
external_toc_path = str(DOCS / "toc.yml")
include_patterns = [
    "*.md",
    "CHANGELOG.rst",
    "docker/*.md",
    "docs/**",
    "examples/*.md",
    "handos_model/hand/*.md",
    "handos_model/weights/*.md",
]
# These folders are not even searched.
exclude_patterns = [".*", "build*", "install*", "log", "out", "test"]

# Headings have the anchors that GitHub gives them.
myst_heading_anchors = 6
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": False}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
default_role = "py:obj"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
# Text stays as it is typed: options begin with two hyphens.
smartquotes = False

html_theme = "furo"
html_title = project
html_static_path = [str(DOCS / "site/static")]
html_css_files = ["handos.css"]
html_favicon = str(DOCS / "site/static/icon.svg")
html_show_copyright = False
# The first page is README.html; index.html leads to it.
html_extra_path = [str(DOCS / "site/root")]
html_show_sourcelink = False
html_copy_source = False
pygments_style = "tango"
pygments_dark_style = "github-dark"
# What is copied is the command, without the comment behind it being in the way: prompts are not written here.
copybutton_exclude = ".linenos, .gp"


def highlight_commands(app: Any, page: nodes.document) -> None:
    """Blocks without a language are commands, or as plain as them."""
    for block in page.findall(nodes.literal_block):
        if block.get("language") == "none":
            block["language"] = "sh"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", highlight_commands)
