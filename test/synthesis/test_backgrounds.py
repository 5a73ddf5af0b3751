"""Folders of background photographs."""

from pathlib import Path

import pytest

from handos_model.files.images import ImageFileError
from handos_model.synthesis.backgrounds import Backgrounds

SIZE = 128


def test_background_folder_without_photographs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"contains no photographs.*--backgrounds"):
        Backgrounds(tmp_path, SIZE)


def test_unreadable_background_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not an image")
    with pytest.raises(ImageFileError, match=r"broken\.jpg"):
        Backgrounds(tmp_path, SIZE)
