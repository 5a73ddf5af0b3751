"""The folder of a run's results: what it holds, how it is refused, cleared and continued."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handos_model.files.atomic_write import atomic_write, partial_path
from handos_model.recordings.json_lines import read_frames
from handos_model.recordings.overlay_files import overlay_path
from handos_model.recordings.run_record import RunRecord
from handos_model.recordings.source import IMAGE_SUFFIXES, FrameSource

Existing = Literal["refuse", "resume", "overwrite"]
"""What to do with results that are already there."""

_FILE_SUFFIXES = IMAGE_SUFFIXES | {".avi", ".json", ".jsonl", ".mkv", ".mov", ".mp4", ".webm"}


@dataclass(frozen=True)
class OutputFolder:
    """Folder that a run writes hands.jsonl and overlay/ to."""

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
        return self.path / "hands.run.json"

    @property
    def overlays(self) -> Path:
        """Folder of the overlays."""
        return self.path / "overlay"

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
        overlays = list(self._known_overlays())
        written = [*overlays, self.results, self.partial, self.record]
        read = {Path(source.name).resolve() for source in sources}
        for path in overlays:
            if path.exists() and (path.resolve() in read or path.parent.resolve() in read):
                raise ValueError(f"--overwrite would delete {path}, which is a source of this run: name another --out")
        for path in written:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in written if path.parent != self.path}:
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
        again, kept = set(unfinished), set()
        with atomic_write(self.partial) as temporary, temporary.open("wb") as file:
            for source, index, line in read_frames(earlier):
                if source not in again and str(Path(source).parent) not in again:
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
        overlays = self.overlays.exists() and (not self.overlays.is_dir() or any(self.overlays.iterdir()))
        return files + ["overlay/"] * overlays

    def _known_overlays(self) -> Iterator[Path]:
        """Overlays of the earlier run, by its record and its lines."""
        earlier = RunRecord.read(self.record).sources
        for name, kind in earlier.items():
            if kind != "folder":
                video = overlay_path(self.overlays, name, kind)
                yield from (video, partial_path(video))
        folders = {name for name, kind in earlier.items() if kind == "folder"}
        for lines in (self.results, self.partial):
            for source, _, _ in read_frames(lines) if lines.exists() else ():
                if str(Path(source).parent) in folders:
                    yield overlay_path(self.overlays, str(Path(source).parent), "folder", source)
