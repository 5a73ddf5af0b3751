"""Correctness and speed of every backend on this machine's NVIDIA GPU, in minutes and without network.

    python benchmarks/gpu.py FOLDER --out gpu.json

FOLDER comes from `gpu_folder.py`; its packages are unpacked into it and used for this run only. torch has to be
installed. What cannot run is reported with its reason; without a GPU that is all but the CPU backends.
"""

import argparse
import lzma
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor, TimeoutError
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
IMAGE_SIZES: Final = (384, 640)
"""Sides of the network's square; the image of 4:3 has as many pixels."""
SECONDS: Final = 285.0
SECONDS_FOR_ONE: Final = 75.0


def main() -> None:
    """Unpack, measure case by case, and write the results after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="filled by gpu_folder.py")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--runs", type=int, default=100, help="how often each step is timed")
    arguments = parser.parse_args()
    end = time.monotonic() + SECONDS
    use_packages(arguments.folder)
    from gpu_cases import CASES
    from gpu_floor import floor_of

    networks = write_networks(arguments.folder)
    report: dict[str, Any] = {"gpu": gpu_name(), "machine": machine_facts(), "cases": []}
    report["floors"] = {name: asdict(floor_of(path, report["gpu"])) for name, path in networks.items()}
    reference: dict[str, Any] = {}
    for case in CASES:
        results = measure_apart(case, networks, arguments.runs, min(SECONDS_FOR_ONE, end - time.monotonic()))
        for name, result in results.items():
            hands = result.pop("found", None)
            if hands is not None:
                reference.setdefault(name, hands)
                result["differences"] = differences(hands, reference[name])
        report["cases"].append({**asdict(case), "results": results})
        write_report(report, arguments.out)
        print_case(case, results)
    print(f"written to {arguments.out}; {SECONDS - end + time.monotonic():.0f} s")


def use_packages(folder: Path) -> None:
    """Unpack wheels and compressed libraries into FOLDER/packages, once; this process and its children import them."""
    packages = folder / "packages"
    # Those of CUDA last: they hold another build of ONNX Runtime, with the same files.
    for wheel in (*sorted(folder.glob("*.whl")), *sorted(folder.glob("cuda/*.whl"))):
        with zipfile.ZipFile(wheel) as archive:
            if not all((packages / name).exists() for name in archive.namelist()):
                archive.extractall(packages)
    for compressed in sorted(folder.glob("*/*.xz")):
        library = packages / compressed.parent.name / compressed.stem
        library.parent.mkdir(parents=True, exist_ok=True)
        if not library.exists():
            library.write_bytes(lzma.decompress(compressed.read_bytes()))
            for source in compressed.parent.glob("*.py"):
                (library.parent / source.name).write_bytes(source.read_bytes())
    paths = [str(packages), str(ROOT), str(ROOT / "benchmarks")]
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")


def write_networks(folder: Path) -> dict[str, Path]:
    """The networks of FOLDER for each input size, by name; the size is an entry of the metadata."""
    import onnx

    networks = {}
    for source in sorted(folder.glob("hands_*.onnx"), key=lambda path: int(path.stem.split("_")[1])):
        for side in IMAGE_SIZES:
            model = onnx.load(source)
            for entry in model.metadata_props:
                if entry.key == "handos.image_size":
                    entry.value = str(side)
            path = folder / "sized" / f"{source.stem}_{side}.onnx"
            path.parent.mkdir(exist_ok=True)
            onnx.save(model, path)
            networks[path.stem] = path
    if not networks:
        sys.exit(f"{folder} holds no networks hands_*.onnx: fill it with benchmarks/gpu_folder.py")
    return networks


def measure_apart(case: Any, networks: dict[str, Path], runs: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Measure in a process of its own, which may crash or hang."""
    from gpu_cases import measure

    if seconds < 5:
        return {"all networks": {"error": "no time left"}}
    executor = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
    try:
        return executor.submit(measure, case, networks, runs, gpu_memory()).result(timeout=seconds)
    except TimeoutError:
        return {"all networks": {"error": f"no answer within {seconds:.0f} s"}}
    except Exception as error:  # whatever a backend does must not stop the others
        return {"all networks": {"error": f"{type(error).__name__}: {error}"}}
    finally:
        for process in list(executor._processes.values() if executor._processes else ()):
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)


def differences(hands: Any, reference: Any) -> dict[str, float | int | bool]:
    """Maximum differences to the hands of ONNX Runtime on the CPU, each compared with the closest."""
    import numpy as np

    pixels = metres = 0.0
    for expected in reference:
        if not hands:
            break
        hand = min(hands, key=lambda candidate: float(np.abs(candidate.box - expected.box).sum()))
        for name in ("box", "joints_2d"):
            pixels = max(pixels, float(np.abs(getattr(hand, name) - getattr(expected, name)).max()))
        metres = max(metres, float(np.abs(hand.joints_3d - expected.joints_3d).max()))
    same = len(hands) == len(reference) and pixels <= 0.5 and metres <= 1e-3
    return {"hands": len(hands), "pixels": pixels, "metres": metres, "same": same}


def gpu_query(field: str) -> str:
    """What nvidia-smi says of the first GPU; empty without one."""
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits", "--id=0"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def gpu_name() -> str:
    """Name of the first GPU, or an empty text."""
    return gpu_query("name")


def gpu_memory() -> int | None:
    """Memory of the first GPU in use, MiB."""
    used = gpu_query("memory.used")
    return int(used) if used.isdigit() else None


def machine_facts() -> dict[str, str | int]:
    """System, CPU, cores, driver and compute capability."""
    from handos_model.evaluation.latency import machine

    return {**machine(), "driver": gpu_query("driver_version"), "compute_capability": gpu_query("compute_cap")}


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write the results as JSON."""
    import json

    from handos_model.files.atomic_write import atomic_write

    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")


def print_case(case: Any, results: dict[str, dict[str, Any]]) -> None:
    """Print a line per network: median / 90th percentile of the network alone and of image to hands."""
    for name, result in results.items():
        if "error" in result:
            print(f"{case}, {name}: {result['error']}", flush=True)
            continue
        network, whole, moved = result["network"], result["whole"], result["differences"]
        print(
            f"{case}, {name}: network {network['median']:.2f} / {network['slowest_tenth']:.2f} ms, image to hands "
            f"{whole['median']:.2f} / {whole['slowest_tenth']:.2f} ms, {moved['pixels']:.3f} pixels and "
            f"{1000 * moved['metres']:.3f} mm from the CPU{'' if moved['same'] else ' (not the same hands)'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
