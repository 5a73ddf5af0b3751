"""LeRobot data sets of many recordings: each keeps its episodes, and one data set is put together from all."""

from collections.abc import Mapping
from pathlib import Path

from handos_model.recordings.formats.lerobot_episode import EpisodeFiles
from handos_model.recordings.formats.lerobot_format import EPISODES, LeRobotFormat, put_together


class LeRobotEpisodes(LeRobotFormat):
    """Writes the episodes of one recording, and no data set of them."""

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`."""
        return []


def put_episodes_together(dataset: Path, task: str, results: Mapping[str, Path]) -> dict[str, str]:
    """Write the data set of all recordings to `dataset`.

    Parameters
    ----------
    dataset
        Its folder.
    task
        What is done in all episodes, in words.
    results
        Folders of the recordings' results by their sources, in the order of the episodes.

    Returns
    -------
    dict of str
        Why a recording is not in it, by its source.
    """
    episodes, source_of = {}, {}
    for source, folder in results.items():
        for states in sorted((folder / "lerobot" / EPISODES).glob("*.parquet")):
            name = str(states.relative_to(folder.parents[1]))
            episodes[name], source_of[name] = EpisodeFiles(states, states.with_suffix(".mp4")), source
    return {source_of[name]: reason for name, reason in put_together(dataset, task, episodes).items()}
