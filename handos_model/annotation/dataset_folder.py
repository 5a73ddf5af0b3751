"""The folder of a data set: what lies where, when a recording is done, and that one run at a time writes to it."""

import errno
import json
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from handos_model.annotation.recording import Recording
from handos_model.annotation.recording_report import RecordingReport, read_table
from handos_model.files.atomic_write import atomic_write
from handos_model.files.folder_lock import LOCK_NAME, lock_folder

_REPORT: Final = "recording.json"


@dataclass(frozen=True)
class DatasetFolder:
    """A data set, finished or not."""

    path: Path
    """Absolute: workers run in other folders."""

    @property
    def manifest(self) -> Path:
        """What the results depend on."""
        return self.path / "manifest.json"

    @property
    def table(self) -> Path:
        """What became of each recording, one a line."""
        return self.path / "recordings.jsonl"

    @property
    def lerobot(self) -> Path:
        """The LeRobot data set of all recordings."""
        return self.path / "lerobot"

    def results(self, recording: Recording) -> Path:
        """Folder of a recording's results; it is there when they are whole."""
        return self.results_folder / recording.key

    @property
    def results_folder(self) -> Path:
        """Folder of all results."""
        return self.path / "recordings"

    def answers(self, recording: Recording) -> Path:
        """Folder of the network's answers for stretches of a recording, while it is not done."""
        return self.path / ".work" / "answers" / recording.key

    def report(self, recording: Recording) -> RecordingReport | None:
        """What became of a recording that is done; ``None`` if it is not, or has another size now."""
        report = RecordingReport.read(self.results(recording) / _REPORT)
        return report if report is not None and report.size == recording.size else None

    def known_reports(self) -> dict[str, RecordingReport]:
        """What became of all recordings of this run's predecessors, by their sources."""
        known = {report.source: report for report in read_table(self.table)}
        for path in self.results_folder.glob(f"*/{_REPORT}"):  # newer than the table of a run that was killed
            report = RecordingReport.read(path)
            if report is not None:
                known[report.source] = report
        return known

    @contextmanager
    def claim(self, manifest: Mapping[str, Any]) -> Iterator[None]:
        """Keep other runs out, check or write the manifest, and clear away what killed runs left.

        Raises
        ------
        FileExistsError
            If another run is writing to the folder, or it holds something else.
        ValueError
            If its results were made with other settings.
        """
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(f"--out {self.path} is a file: name a folder")
        self._require_same(manifest)
        occupied = f"another `handos annotate` is writing to {self.path}: wait for it, or name another folder"
        with lock_folder(self.path, occupied):
            with atomic_write(self.manifest) as temporary:
                temporary.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(self._attempts, ignore_errors=True)
            yield

    @contextmanager
    def attempt(self, recording: Recording) -> Iterator[Path]:
        """Yield a new folder for the results of a recording, which become visible when the block ends without an error.

        A worker that was given up but still lives has another folder, so that it spoils nothing.
        """
        folder = self._attempts / f"{recording.key}.{uuid.uuid4().hex[:8]}"
        try:
            yield folder
            self._publish(folder, recording)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.answers(recording), ignore_errors=True)

    def finish_attempt(self, attempt: Path, report: RecordingReport) -> None:
        """Write what became of a recording beside its results."""
        report.write(attempt / _REPORT)

    def clear_work(self, unfinished: Collection[Recording]) -> None:
        """Delete what is no result, but for the answers for recordings that are not done."""
        shutil.rmtree(self._attempts, ignore_errors=True)
        for folder in (self.path / ".work" / "answers").glob("*"):
            if folder.name not in {recording.key for recording in unfinished}:
                shutil.rmtree(folder, ignore_errors=True)
        for empty in (self.path / ".work" / "answers", self.path / ".work"):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()

    @property
    def _attempts(self) -> Path:
        return self.path / ".work" / "attempts"

    def _publish(self, attempt: Path, recording: Recording) -> None:
        results = self.results(recording)
        results.parent.mkdir(parents=True, exist_ok=True)
        if results.exists() and self.report(recording) is None:  # of a recording that has changed since
            results.rename(attempt.with_name(f"{attempt.name}.replaced"))
        try:
            attempt.rename(results)
        except OSError as error:
            # A worker that was taken for dead was faster: its results are the same.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

    def _require_same(self, manifest: Mapping[str, Any]) -> None:
        if not self.manifest.exists():
            if self.path.exists() and any(entry.name != LOCK_NAME for entry in self.path.iterdir()):
                raise FileExistsError(
                    f"--out {self.path} holds files, but no manifest.json, so it is no data set: name another folder"
                )
            return
        try:
            earlier = dict(json.loads(self.manifest.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{self.manifest} cannot be read ({error}): name another folder") from error
        differences = [
            f"{option} was {_shown(earlier.get(option))} and is {_shown(manifest.get(option))}"
            for option in {**earlier, **manifest}
            if earlier.get(option) != manifest.get(option)
        ]
        if differences:
            raise ValueError(
                f"the results in {self.path} were made with other settings: {'; '.join(differences)}. Give the same "
                "again, or name another folder"
            )


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
