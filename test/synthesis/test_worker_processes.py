"""Tasks in several processes: every result, and the steps of tasks that take long."""

import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")

from handos_model.synthesis.worker_processes import report_steps, run_in_processes


def three_steps(task: int) -> int:
    for _ in range(3):
        report_steps(1)
    if task < 0:
        raise ValueError(f"task {task} is negative")
    return 10 * task


@pytest.mark.parametrize("workers", [1, 2])
def test_all_results_and_all_steps_arrive(workers: int) -> None:
    steps: list[int] = []
    assert sorted(run_in_processes(three_steps, [1, 2, 3], workers, steps.append)) == [10, 20, 30]
    assert steps == [1] * 9


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_task_is_raised_here(workers: int) -> None:
    with pytest.raises(ValueError, match="task -1 is negative"):
        list(run_in_processes(three_steps, [-1, 2], workers))


def test_steps_of_a_task_that_runs_alone_go_nowhere() -> None:
    assert three_steps(4) == 40
