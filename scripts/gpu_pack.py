"""What a GPU run needs, as two archives that travel with the repository: see docs/training_gpu.md."""

import argparse
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from handos_model.files.images import read_image

ROOT: Final = Path(__file__).parents[1]
LIMIT: Final = 64 << 20
"""Bytes that travel with a call, the repository among them."""
MARGIN: Final = 1 << 20
NETWORKS: Final = "handos_model/weights/*.onnx"
ARCHIVES: Final = ("first.zip", "second.zip")
QUALITIES: Final = ((384, 85), (384, 75), (320, 75), (288, 70), (256, 70), (256, 60), (224, 55), (192, 50))
"""Longer side in pixels and WebP quality of the photographs, best first."""
CONTEXT: Final = 0.6
"""Photographs are cropped to their hands and this much on each side, in sides of the hands' bounds."""
SAMPLED: Final = 20
"""One photograph in so many is compressed to see how large all would be."""
BOXED_SIDE: Final = 640
"""Photographs with boxes show small hands, and keep this longer side."""


def main() -> None:
    """Write the archives and say what travels with each call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the archives")
    parser.add_argument("--assets", type=Path, help="to render there")
    parser.add_argument("--rendered", type=Path, help="frames that were rendered before")
    parser.add_argument("--backgrounds", type=Path, help="photographs for backgrounds")
    parser.add_argument("--photographs", type=Path, help="with joints: images/ and labels.json")
    parser.add_argument("--boxes", type=Path, help="with boxes: images/ and labels.json")
    parser.add_argument("--backbone", type=Path, nargs="*", default=[], help="ImageNet weights, to start from scratch")
    arguments = parser.parse_args()
    repository = repository_bytes()
    room = LIMIT - MARGIN - repository
    print(f"repository {repository / 2**20:.1f} MiB, so {room / 2**20:.1f} MiB are free in each of two calls, if the")
    print(f"networks stay here: `truncate -s 0 {NETWORKS}` before the calls, `git checkout {NETWORKS}` after them")
    with tempfile.TemporaryDirectory() as folder:
        for side, quality in QUALITIES:
            if estimate(arguments, side, quality) > len(ARCHIVES) * room:
                continue
            files = gather(arguments, Path(folder) / f"{side}_{quality}", side, quality)
            shares = distribute(files, room)
            if shares is not None:
                print(f"photographs: {side} pixels, WebP quality {quality}")
                write(shares, arguments.out)
                return
    raise SystemExit(f"the data does not fit into two calls of {room / 2**20:.1f} MiB: pack less")


def repository_bytes() -> int:
    """Size of the files that travel with every call: tracked ones, and others that git does not ignore.

    Not of the networks in ONNX, which training does not read: they are to be emptied before the calls.
    """
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name]
    return sum(path.stat().st_size for path in paths if path.is_file() and not path.match(NETWORKS))


def estimate(arguments: argparse.Namespace, side: int, quality: int) -> float:
    """Bytes of all files, judging the photographs by a few of them: compressing all takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample"
        files = gather(arguments, sample, side, quality, every=SAMPLED)
        return sum(path.stat().st_size * (SAMPLED if sample in path.parents else 1) for _, path in files)


def gather(
    arguments: argparse.Namespace, folder: Path, side: int, quality: int, *, every: int = 1
) -> list[tuple[str, Path]]:
    """Names in the archive and files, those that rendering needs first; of the photographs one in `every`."""
    files = []
    for name in ("assets", "backgrounds", "rendered"):
        files += list(tree(name, getattr(arguments, name)))
    files += [(f"backbone/{path.name}", path) for path in arguments.backbone]
    for name, pack in (("photographs", pack_photographs), ("boxes", pack_boxes)):
        source = getattr(arguments, name)
        if source is not None:
            pack(source, folder / name, side, quality, every)
            files += list(tree(name, folder / name))
    return files


def tree(name: str, folder: Path | None) -> Iterator[tuple[str, Path]]:
    """All files of a folder."""
    if folder is not None:
        if not folder.is_dir():
            raise SystemExit(f"{folder} is not a folder: check --{name}")
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield f"{name}/{path.relative_to(folder)}", path


def distribute(files: list[tuple[str, Path]], room: int) -> list[list[tuple[str, Path]]] | None:
    """The files of each archive, in order; ``None`` if they do not fit."""
    shares: list[list[tuple[str, Path]]] = [[] for _ in ARCHIVES]
    number, used = 0, 0
    for name, path in files:
        size = path.stat().st_size + 2 * len(name) + 128
        if used + size > room:
            number, used = number + 1, 0
        if number == len(ARCHIVES) or size > room:
            return None
        shares[number].append((name, path))
        used += size
    return shares


def write(shares: list[list[tuple[str, Path]]], out: Path) -> None:
    """Write the archives; JPEG, PNG and WebP files would not get smaller by compression."""
    out.mkdir(parents=True, exist_ok=True)
    for archive, files in zip(ARCHIVES, shares, strict=True):
        with zipfile.ZipFile(out / archive, "w") as target:
            for name, path in files:
                target.write(path, name)
        print(f"{out / archive}: {len(files)} files, {(out / archive).stat().st_size / 2**20:.1f} MiB")


def pack_photographs(source: Path, target: Path, side: int, quality: int, every: int) -> None:
    """Crop and compress photographs; labels that training does not use are left out."""
    (target / "images").mkdir(parents=True)
    packed = {}
    for name, label in list(json.loads((source / "labels.json").read_text()).items())[::every]:
        if "hands" not in label or label.get("unlabelled") or not all(hand["reliable"] for hand in label["hands"]):
            continue
        image = read_image(source / "images" / name)
        left, top, right, bottom = crop_around(label["hands"], *image.shape[1::-1])
        image, scale = shrink(image[top:bottom, left:right], side)
        file = f"{Path(name).stem}.webp"
        cv2.imwrite(str(target / "images" / file), image, [cv2.IMWRITE_WEBP_QUALITY, quality])
        packed[file] = {
            "size": list(image.shape[1::-1]),
            "source": label["source"],
            "hands": [move_hand(hand, (left, top), scale) for hand in label["hands"]],
        }
    (target / "labels.json").write_text(json.dumps(packed))


def crop_around(hands: list[dict[str, Any]], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom; the whole image without hands."""
    if not hands:
        return 0, 0, width, height
    joints = np.concatenate([hand["joints_2d"] for hand in hands])
    low, high = joints.min(axis=0), joints.max(axis=0)
    margin = CONTEXT * (high - low).max()
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def shrink(image: np.ndarray[Any, Any], side: int) -> tuple[np.ndarray[Any, Any], tuple[float, float]]:
    """The image with a longer side of at most `side` pixels, and its scales in x and y."""
    height, width = image.shape[:2]
    factor = min(1.0, side / max(width, height))
    size = max(1, round(factor * width)), max(1, round(factor * height))
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor < 1 else image
    return smaller, (size[0] / width, size[1] / height)


def move_hand(hand: dict[str, Any], corner: tuple[int, int], scale: tuple[float, float]) -> dict[str, Any]:
    """A hand's label in the cropped and scaled image."""
    joints = (np.array(hand["joints_2d"]) - corner + 0.5) * scale - 0.5
    return {"joints_2d": joints.round(1).tolist(), "handedness": hand["handedness"], "reliable": True}


def pack_boxes(source: Path, target: Path, _side: int, quality: int, every: int) -> None:
    """Compress photographs with boxes, some with joints."""
    (target / "images").mkdir(parents=True)
    packed = []
    for label in json.loads((source / "labels.json").read_text())[::every]:
        image, scale = shrink(read_image(source / "images" / label["image"]), BOXED_SIDE)
        file = f"{Path(label['image']).stem}.webp"
        cv2.imwrite(str(target / "images" / file), image, [cv2.IMWRITE_WEBP_QUALITY, quality])
        boxes = [((np.array(box) + 0.5) * np.tile(scale, 2) - 0.5).round(1).tolist() for box in label["boxes"]]
        height, width = image.shape[:2]
        hands = [hand and move_hand(hand, (0, 0), scale) for hand in label.get("hands", [None] * len(boxes))]
        packed.append(label | {"image": file, "width": width, "height": height, "boxes": boxes, "hands": hands})
    (target / "labels.json").write_text(json.dumps(packed))


if __name__ == "__main__":
    main()
