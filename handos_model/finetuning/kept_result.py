"""What came of a run, kept in its state folder: the same command then says so instead of exporting again."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from handos_model.files.atomic_write import atomic_write
from handos_model.finetuning.comparison import Comparison, Quality
from handos_model.finetuning.outcome import Int8Result, Result
from handos_model.finetuning.request import Request

_NAME: Final = "result.json"


def keep_result(request: Request, result: Result) -> None:
    """Write the result to the state folder."""
    content = {"out": str(request.out.resolve()), "result": asdict(result)}
    with atomic_write(request.state / _NAME) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def read_result(request: Request) -> Result | None:
    """The result of a finished run; ``None`` if there is none, or its network is not where it is wanted.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    file: Path = request.state / _NAME
    if not file.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        result = _result(content["result"])
        is_there = content["out"] == str(request.out.resolve()) and request.out.is_file()
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is damaged ({error}): delete it, so that the network is exported again") from error
    return result if result.reasons_against or is_there else None


def _result(stored: dict[str, Any]) -> Result:
    guard, int8 = stored["guard"], stored["int8"]
    return Result(
        _comparison(stored["own"]),
        None if guard is None else _comparison(guard),
        tuple(stored["reasons_against"]),
        None if int8 is None else Int8Result(_comparison(int8["own"]), float(int8["speed_up"])),
    )


def _comparison(stored: dict[str, Any]) -> Comparison:
    return Comparison(Quality(**stored["before"]), Quality(**stored["after"]))
