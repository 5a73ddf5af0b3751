"""Which images of a folder are found, and which are held back: never neighbours of those that are trained on."""

from pathlib import Path

import numpy as np
import pytest

from handos_model.files.images import write_image
from handos_model.finetuning.own_images import find_images, split_images


def numbered(folder: str, count: int) -> list[str]:
    return [f"{folder}{number:03d}.jpg" for number in range(count)]


def test_images_are_found_in_subfolders_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("b/10.png", "b/9.png", "a/c/1.JPG", "0.png"):
        write_image(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    assert find_images(tmp_path) == ["0.png", "a/c/1.JPG", "b/9.png", "b/10.png"]


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_folder_without_images_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=name):
        find_images(tmp_path / name)


def test_whole_subfolders_are_held_back() -> None:
    names = [name for folder in "abcdefgh" for name in numbered(f"{folder}/", 20)]
    split = split_images(names)
    folders = [{name[0] for name in part} for part in (split.trained, split.held_back)]
    assert not folders[0] & folders[1]
    assert sorted((*split.trained, *split.held_back)) == names
    assert 0.1 <= len(split.held_back) / len(names) <= 0.4


@pytest.mark.parametrize("names", [numbered("", 100), numbered("a/", 95) + numbered("b/", 5)], ids=["one", "one large"])
def test_without_several_subfolders_stretches_are_held_back_with_a_gap(names: list[str]) -> None:
    split = split_images(names)
    held_back = sorted(names.index(name) for name in split.held_back)
    trained = {names.index(name) for name in split.trained}
    assert 0.1 <= len(held_back) / len(names) <= 0.3
    assert not any(position + step in trained for position in held_back for step in (-2, -1, 0, 1, 2))
    stretches = 1 + int((np.diff(held_back) > 1).sum())
    assert stretches == 2


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_few_images_are_split_without_overlap(count: int) -> None:
    split = split_images(numbered("", count))
    assert not set(split.trained) & set(split.held_back)
