"""The folder of a run's results: what it holds, how it is refused, cleared and continued."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from handos_model.files.atomic_write import atomic_write, partial_path
from handos_model.recordings.formats.registry import FormatName, written_files
from handos_model.recordings.image_folder import IMAGE_SUFFIXES, OVERLAYS, RUN_RECORD, folder_of
from handos_model.recordings.json_lines import read_frames
from handos_model.recordings.output_names import source_stem
from handos_model.recordings.overlay_files import overlay_path
from handos_model.recordings.run_record import RunRecord
from handos_model.recordings.source import FrameSource

Existing = Literal["refuse", "resume", "overwrite"]
"""What to do with results that are already there."""

_FILE_SUFFIXES = IMAGE_SUFFIXES | {".avi", ".json", ".jsonl", ".mkv", ".mov", ".mp4", ".webm"}


@dataclass(frozen=True)
class OutputFolder:
    """Folder that a run writes hands.jsonl, overlay/ and a folder for each other format to."""

    path: Path

    @property
    def results(self) -> Path:
        """Hands of all frames; there when the run has ended."""
        return self.path / "hands.jsonl"

    @property
    def partial(self) -> Path:
        """Hands of the frames so far; there while the run lasts, and after it was interrupted."""
        return partial_path(self.results)

    @property
    def record(self) -> Path:
        """How the results were made."""
        return self.path / RUN_RECORD

    @property
    def overlays(self) -> Path:
        """Folder of the overlays."""
        return self.path / OVERLAYS

    def require_usable(self, existing: Existing) -> None:
        """Check, without writing anything, that a run may write here.

        Raises
        ------
        NotADirectoryError
            If it is, or is named like, a file.
        FileExistsError
            If it holds results, and they are neither continued nor replaced.
        ValueError
            If they are to be, but it is unknown how they were made.
        """
        is_file = self.path.exists() and not self.path.is_dir()
        if is_file or (not self.path.exists() and self.path.suffix.lower() in _FILE_SUFFIXES):
            raise NotADirectoryError(f"--out {self.path} {'is' if is_file else 'names'} a file: name a folder")
        held = self._held()
        if held and existing == "refuse":
            raise FileExistsError(
                f"{self.path} already holds results ({', '.join(held)}): name another folder, or continue them with "
                "--resume, or make them anew with --overwrite"
            )
        if held:
            RunRecord.read(self.record)

    def clear(self, sources: Iterable[FrameSource]) -> None:
        """Delete what an earlier run wrote, and nothing else.

        Raises
        ------
        ValueError
            If one of its files is now a source.
        """
        if not self._held():
            return
        outputs = [*self._known_overlays(), *self._known_files()]
        written = [*outputs, self.results, self.partial, self.record]
        read = {source.path.resolve() for source in sources}
        for path in outputs:
            if path.exists() and not read.isdisjoint({path.resolve(), *map(Path.resolve, self._folders_of([path]))}):
                raise ValueError(f"--overwrite would delete {path}, which is a source of this run: name another --out")
        for path in written:
            path.unlink(missing_ok=True)
        for folder in sorted(self._folders_of(written), reverse=True):  # the deepest first
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def continue_partial(self, unfinished: Iterable[str]) -> set[tuple[str, int]]:
        """Take the frames of an earlier run over, except those of `unfinished` sources, which are begun again.

        Returns
        -------
        set of (str, int)
            `source` and `index` of the frames taken over.
        """
        earlier = self.partial if self.partial.exists() else self.results
        if not earlier.exists():
            return set()
        again, kept = frozenset(unfinished), set()
        with atomic_write(self.partial) as temporary, temporary.open("wb") as file:
            for source, index, line in read_frames(earlier):
                if source not in again and folder_of(source, again) is None:
                    kept.add((source, index))
                    file.write(line)
        return kept

    def safe_results(self) -> str:
        """What of an interrupted run is safe, for messages."""
        if not self.partial.exists():
            return f"no results were written to {self.path}"
        frames = sum(1 for _ in read_frames(self.partial))
        return (
            f"{frames} {'frame is' if frames == 1 else 'frames are'} safe in {self.partial}; to go on, give the same "
            "command with --resume"
        )

    def _held(self) -> list[str]:
        files = [path.name for path in (self.results, self.partial, self.record) if path.exists()]
        folders = [self.path / name for name in (OVERLAYS, *get_args(FormatName))]
        return files + [f"{folder.name}/" for folder in folders if _holds_anything(folder)]

    def _folders_of(self, paths: Iterable[Path]) -> set[Path]:
        """Folders below this one that the paths lie in, and those around them."""
        return {parent for path in paths for parent in path.parents if self.path in parent.parents}

    def _known_files(self) -> Iterator[Path]:
        """Files of other formats of the earlier run, by its record."""
        earlier = RunRecord.read(self.record)
        stems = [source_stem(name, kind) for name, kind in earlier.sources.items()]
        yield from written_files(earlier.settings.get("--format") or (), self.path, stems)

    def _known_overlays(self) -> Iterator[Path]:
        """Overlays of the earlier run, by its record and its lines."""
        earlier = RunRecord.read(self.record).sources
        for name, kind in earlier.items():
            if kind != "folder":
                video = overlay_path(self.overlays, name, kind)
                yield from (video, partial_path(video))
        folders = frozenset(name for name, kind in earlier.items() if kind == "folder")
        for lines in (self.results, self.partial):
            for source, _, _ in read_frames(lines) if lines.exists() else ():
                if (folder := folder_of(source, folders)) is not None:
                    yield overlay_path(self.overlays, folder, "folder", source)


def _holds_anything(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
