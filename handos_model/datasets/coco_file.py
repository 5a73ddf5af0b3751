"""A COCO-style JSON file: its three lists, whose entries refer to each other by ids that exist."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "docs/finetuning.md describes the format"
_LARGEST: Final = 1e9
"""Larger numbers are no pixels."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class CocoFile:
    """What a file holds."""

    path: Path
    images: tuple[Entry, ...]
    annotations: tuple[Entry, ...]
    categories: tuple[Entry, ...]


def read_coco_file(path: Path) -> CocoFile:
    """Read a file whose ids are unique, and whose annotations are of images and categories that it lists.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ValueError
        If it is something else, or ids are wrong; the message names them.
    """
    if path.is_dir():
        inside = ", ".join(sorted(file.name for file in path.glob("*.json"))[:3]) or "there is none"
        raise IsADirectoryError(f"--labels {path} is a folder: name the JSON file in it ({inside})")
    if not path.is_file():
        raise FileNotFoundError(f"labels {path} do not exist: give a COCO-style JSON file, or leave --labels out")
    images, annotations, categories = _lists(_json_content(path), path)
    image_ids = [_identity(image, "id", f"labels {path}, an image") for image in images]
    _require_unique(image_ids, "id", path)
    _require_unique([required(image, "file_name", f"labels {path}, an image") for image in images], "file_name", path)
    category_ids = [_identity(category, "id", f"labels {path}, a category") for category in categories]
    for kind, known in (("image", image_ids), ("category", category_ids)):
        _require_known(annotations, kind, known, path)
    return CocoFile(path, images, annotations, categories)


def required(entry: Entry, key: str, where: str) -> Any:
    """The value of a key that an entry must have."""
    if not isinstance(entry, Mapping) or key not in entry:
        raise ValueError(f"{where} has no {key}: {FORMAT}")
    return entry[key]


def numbers(values: Any, count: int, where: str, meaning: str) -> list[float]:
    """Finite numbers, as many as there must be.

    Parameters
    ----------
    values
        What the file contains.
    where, meaning
        Place and right content, for the error.
    """
    given = f"{where} is {_short(values)}"
    if not isinstance(values, list) or not all(_is_number(value) for value in values):
        raise ValueError(f"{given}: give {meaning}, finite numbers")
    if len(values) != count:
        raise ValueError(f"{given}, {len(values)} numbers: give {meaning}, {count} numbers")
    return [float(value) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _json_content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}, column {error.colno} is not JSON"
    except UnicodeDecodeError:
        reason = "it is not text in UTF-8"
    except RecursionError:
        reason = "it is nested too deeply"
    raise ValueError(f"labels {path} are not a COCO-style JSON file ({reason}): {FORMAT}")


def _lists(content: Any, path: Path) -> list[tuple[Entry, ...]]:
    wrong = f"labels {path} are not a COCO-style JSON file"
    if not isinstance(content, Mapping):
        kind = "a bare list" if isinstance(content, list) else _short(content)
        raise ValueError(
            f"{wrong}: they hold {kind} instead of images, annotations and categories: export all three; {FORMAT}"
        )
    lists = []
    for key in ("images", "annotations", "categories"):
        if key not in content:
            raise ValueError(f"labels {path} have no {key!r}: {FORMAT}")
        if not isinstance(content[key], list):
            raise ValueError(f"{wrong}: {key} is {_short(content[key])} instead of a list: {FORMAT}")
        lists.append(tuple(content[key]))
    return lists


def _require_unique(values: Sequence[Any], key: str, path: Path) -> None:
    twice = next((value for value, count in Counter(map(str, values)).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"labels {path}: two images have the {key} {twice}: leave one of them out")


def _require_known(annotations: Sequence[Entry], kind: str, known: Sequence[Any], path: Path) -> None:
    key, ids = f"{kind}_id", set(known)
    for annotation in annotations:
        value = _identity(annotation, key, f"labels {path}, an annotation")
        if value in ids:
            continue
        alike = next((other for other in known if str(other) == str(value)), None)
        raise ValueError(
            f"labels {path}: annotation {annotation.get('id')} has {key} {_short(value)}, which no {kind} has"
            + (f": one has {_short(alike)}: write both as numbers, or both as text" if alike is not None else "")
            + (f" (there are {_short(list(known))}): correct it, or add the {kind}" if alike is None else "")
        )


def _identity(entry: Entry, key: str, where: str) -> Any:
    value = required(entry, key, where)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{where} has the {key} {_short(value)}: give a number or a text")
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:76]} ..."
