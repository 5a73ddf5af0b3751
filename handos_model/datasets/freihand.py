"""FreiHAND (Zimmermann et al., ICCV 2019): one right hand per image, annotated with MANO.

The folder contains ``training_{K,xyz,verts}.json``, ``evaluation_{K,xyz,verts}.json``, ``training/rgb`` and
``evaluation/rgb``. Each training pose has four images with different backgrounds: sample i of n is images i, i + n,
i + 2 n and i + 3 n. Joints are in our order, metres, camera optical frame.
"""

from pathlib import Path
from typing import Final, Literal

import numpy as np

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.dataset import read_sized_image, require
from handos_model.datasets.json_matrices import JsonMatrices
from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.skeleton import JOINT_COUNT

FreiHandSplit = Literal["training", "evaluation"]

IMAGE_SIZE: Final = (224, 224)
TRAINING_VERSIONS: Final = 4
"""Images per training pose: with the green screen, and with three kinds of replaced background."""
_REMEDY: Final = (
    "give the folder of FreiHAND v2 that contains training_K.json, training/rgb etc.; the evaluation set's annotations "
    "are a separate archive (FreiHAND_pub_v2_eval). Both are at "
    "https://lmb.informatik.uni-freiburg.de/resources/datasets/FreihandDataset.en.html"
)


class FreiHand:
    """FreiHAND's training or evaluation set; a `Dataset`.

    Parameters
    ----------
    folder
        Contains ``{split}_K.json`` and the folder ``{split}``.
    split
        "training" or "evaluation".

    Raises
    ------
    FileNotFoundError
        If a file or the last image is missing.
    ValueError
        If the files have different numbers of samples.
    """

    annotates_every_hand = True

    def __init__(self, folder: Path, split: FreiHandSplit) -> None:
        self.title = f"FreiHAND {split}"
        self._folder, self._split = folder, split
        self._matrices, self._joints, self._vertices = (
            JsonMatrices(require(folder / f"{split}_{name}.json", _REMEDY)) for name in ("K", "xyz", "verts")
        )
        counts = {len(self._matrices), len(self._joints), len(self._vertices)}
        if len(counts) > 1:
            raise ValueError(
                f"{folder}: {split}_K.json, _xyz.json and _verts.json hold {len(self._matrices)}, {len(self._joints)} "
                f"and {len(self._vertices)} samples, but must have the same number: take all three from one archive"
            )
        require(folder / self.image_name(len(self) - 1), _REMEDY)

    def __len__(self) -> int:
        return len(self._matrices) * (TRAINING_VERSIONS if self._split == "training" else 1)

    def image_name(self, index: int) -> str:
        return f"{self._split}/rgb/{index:08d}.jpg"

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        sample = index % len(self._matrices)
        joints = _read(self._joints, sample, (JOINT_COUNT, 3))
        vertices = _read(self._vertices, sample, (MANO_VERTEX_COUNT, 3))
        if (joints[:, 2] <= 0).any():
            raise ValueError(f"{self._joints.name}, sample {sample}: the hand lies behind the camera: {_REMEDY}")
        joints_2d = project(joints, self._camera(index)).astype(np.float32)
        return (
            AnnotatedHand(
                box=box_around_joints(joints_2d, *IMAGE_SIZE),
                joints_2d=joints_2d,
                handedness="right",
                joints_3d=joints.astype(np.float32),
                vertices=vertices.astype(np.float32),
                topology_id=MANO_TOPOLOGY_ID,
            ),
        )

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        image = read_sized_image(self._folder / self.image_name(index), IMAGE_SIZE, _REMEDY)
        return AnnotatedImage(image, self.hands(index), self._camera(index))

    def _camera(self, index: int) -> CameraIntrinsics:
        return CameraIntrinsics.from_matrix(_read(self._matrices, index % len(self._matrices), (3, 3)))


def _read(matrices: JsonMatrices, sample: int, shape: tuple[int, int]) -> Float64Array:
    return checked_array(matrices[sample], shape, f"{matrices.name}, sample {sample}")
