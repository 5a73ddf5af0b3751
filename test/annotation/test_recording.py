"""Which recordings are found in files, folders and lists."""

from pathlib import Path

import pytest

from handos_model.annotation.recording import Recording, find_recordings, require_any
from handos_model.recordings.frame import SourceError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        *("a.mp4", "day/b.MOV", "day/notes.md", "day/c.mcap", "day/d.db3.zstd"),
        *("bag/metadata.yaml", "bag/bag_0.mcap", "bag/bag_1.mcap", "photos/1.png", "dataset/recordings/x/x.mcap"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*sources: str, with_images: bool = False) -> list[str]:
    recordings = find_recordings(sources, Path("dataset"), with_images=with_images)
    return [str(recording.path.relative_to(Path.cwd())) for recording in recordings]


def test_folders_are_searched_for_videos_and_bags_but_not_the_data_set(folder: Path) -> None:
    assert found(".") == ["a.mp4", "bag", "day/b.MOV", "day/c.mcap", "day/d.db3.zstd"]


def test_folders_of_images_are_recordings_when_they_have_time(folder: Path) -> None:
    assert "photos" in found(".", with_images=True)
    assert found("photos", with_images=True) == ["photos"]
    with pytest.raises(SourceError, match=r"photos.*--fps"):
        found("photos")


def test_lists_are_relative_to_their_folder_and_each_recording_counts_once(folder: Path) -> None:
    (folder / "day" / "list.txt").write_text("../a.mp4\n\nb.MOV\n")
    assert found("day/list.txt", "a.mp4", str(folder / "a.mp4")) == ["a.mp4", "day/b.MOV"]


def test_what_is_named_is_a_recording_even_if_it_does_not_exist(folder: Path) -> None:
    assert found("gone.mp4", "day/notes.md") == ["day/notes.md", "gone.mp4"]


@pytest.mark.parametrize("source", ["0", "rtsp://camera/stream", "photos/1.png"])
def test_what_is_no_recording_is_refused(source: str, folder: Path) -> None:
    with pytest.raises(SourceError, match=source):
        found(source)


def test_a_list_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        found("gone.txt")


def test_keys_depend_on_the_path_alone_and_are_names_of_files() -> None:
    one, other = (Recording(Path(path), 5) for path in ("/day1/take.1.mp4", "/day2/take.1.mp4"))
    assert one.key != other.key
    assert one.key == Recording(Path("/day1/take.1.mp4"), 6).key
    assert one.key.startswith("take-")


def test_the_size_of_a_folder_is_that_of_its_files(folder: Path) -> None:
    assert Recording.at(folder / "bag").size == 15
    assert Recording.at(folder / "a.mp4").size == 5
    assert Recording.at(folder / "gone.mp4").size == 0


def test_that_none_of_the_recordings_exists_is_an_error_that_names_the_nearest(folder: Path) -> None:
    exists, missing, other = (Recording.at(folder / name) for name in ("a.mp4", "day/c.mcpa", "gone.mp4"))
    require_any([exists, missing])
    require_any([])
    with pytest.raises(FileNotFoundError, match=r"c\.mcpa .*did you mean .*c\.mcap\?\), nor do 1 others"):
        require_any([missing, other])
