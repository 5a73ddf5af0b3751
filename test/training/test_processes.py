"""The processes of a run end with it, whether it is interrupted, killed, or one of them fails."""

import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interrupted_run import wait_for_ever
from process_groups import Program, ended_programs, wait_until_gone

from handos_model.training.processes import run_together
from handos_model.training.state_folder import claim_state

PROGRAM = (sys.executable, str(Path(__file__).parents[1] / "support/interrupted_run.py"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program."""
    with ended_programs() as programs:
        yield lambda **options: programs.start([*PROGRAM, str(tmp_path)], **options)


def wait_for_start(program: Program, folder: Path) -> None:
    while len(list(folder.glob("started.*"))) < 2:
        assert program.poll() is None, program.communicate()[1]
        time.sleep(0.02)


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_all_processes_with_one_line(
    how: signal.Signals, code: int, whole_group: bool, start: Callable[..., Program], tmp_path: Path
) -> None:
    program = start()
    wait_for_start(program, tmp_path)
    (os.killpg if whole_group else os.kill)(program.pid, how)
    _, message = program.communicate(timeout=60)
    assert program.returncode == code
    (line,) = message.splitlines()
    assert f"{tmp_path} keeps all" in line
    assert "the same command" in line
    wait_until_gone(program.pid)


def test_a_signal_while_processes_start_ends_in_one_line(start: Callable[..., Program], tmp_path: Path) -> None:
    for moment in (0.0, 0.05, 0.2):
        program = start()
        while not (tmp_path / ".lock").exists():
            assert program.poll() is None
            time.sleep(0.001)
        time.sleep(moment)
        os.killpg(program.pid, signal.SIGINT)
        _, message = program.communicate(timeout=60)
        assert program.returncode == 130
        assert len(message.splitlines()) == 1
        wait_until_gone(program.pid)
        (tmp_path / ".lock").unlink()


def test_processes_end_with_a_program_that_is_killed(start: Callable[..., Program], tmp_path: Path) -> None:
    program = start()
    wait_for_start(program, tmp_path)
    program.kill()
    program.wait()
    wait_until_gone(program.pid)
    with claim_state(tmp_path):
        pass


def test_ctrl_c_in_a_terminal_ends_all_processes_with_one_line(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(PROGRAM[0], (*PROGRAM, str(tmp_path)))
    while len(list(tmp_path.glob("started.*"))) < 2:
        time.sleep(0.02)
    os.write(terminal, b"\x03\x03")
    shown = b""
    try:
        while block := os.read(terminal, 1000):
            shown += block
    except OSError:  # how a terminal ends
        pass
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert len([line for line in shown.decode().splitlines() if line.replace("^C", "").strip()]) == 1
    assert "the same command" in shown.decode()
    wait_until_gone(child)


def test_what_nohup_ignores_goes_on_being_ignored(start: Callable[..., Program], tmp_path: Path) -> None:
    program = start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_for_start(program, tmp_path)
    os.killpg(program.pid, signal.SIGHUP)
    os.killpg(program.pid, signal.SIGTERM)
    program.communicate()
    assert program.returncode == 143


def test_a_second_run_is_refused_and_the_first_goes_on(start: Callable[..., Program], tmp_path: Path) -> None:
    program = start()
    wait_for_start(program, tmp_path)
    with pytest.raises(FileExistsError, match=str(tmp_path)) as refused, claim_state(tmp_path):
        pytest.fail("the folder is taken")
    assert "--state" in str(refused.value)
    assert program.poll() is None


@pytest.mark.parametrize(
    ("mistake", "error", "named"),
    [
        ("value", ValueError, r"^image 7 is damaged$"),
        ("bug", RuntimeError, r"KeyError: 'a bug'"),
        ("memory", ChildProcessError, "SIGKILL.*memory"),
    ],
)
def test_a_process_that_fails_ends_the_others(mistake: str, error: type[Exception], named: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=named):
        run_together(wait_for_ever, [(rank, tmp_path, mistake) for rank in range(2)])
    for started in tmp_path.glob("started.*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(started.read_text()), 0)


def test_a_checkpoint_that_a_killed_run_began_is_cleared_away(tmp_path: Path) -> None:
    begun, kept = tmp_path / ".detector.4711-0123abcd.pt", tmp_path / "detector.pt"
    begun.touch()
    kept.touch()
    with claim_state(tmp_path):
        assert (begun.exists(), kept.exists()) == (False, True)


def test_a_state_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(NotADirectoryError, match="--state"), claim_state(tmp_path / "state"):
        pytest.fail("it is a file")
