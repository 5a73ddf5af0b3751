"""FreiHAND (Zimmermann et al., ICCV 2019): one right hand per image, annotated with MANO.

``training_{K,xyz,verts}.json`` and ``evaluation_{K,xyz,verts}.json`` lie beside ``training/rgb`` and
``evaluation/rgb``. Each training pose comes in four images with different backgrounds: sample i of n is images
i, i + n, i + 2 n and i + 3 n. Joints are in our order, metres, camera optical frame.
"""

from pathlib import Path
from typing import Final, Literal

import numpy as np

from handos_model.benchmarks.readers.dataset import camera_of_matrix, read_sized_image, require
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.inference.camera_geometry import project
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.io.json_matrices import JsonMatrices

FreiHandSplit = Literal["training", "evaluation"]

IMAGE_SIZE: Final = (224, 224)
TRAINING_VERSIONS: Final = 4
"""Images of each training pose: green screen, and three ways of replacing it."""
_REMEDY: Final = (
    "give the folder of FreiHAND v2 with training_K.json, training/rgb and so on; the evaluation set's annotations are "
    "an archive of their own (FreiHAND_pub_v2_eval). Both are at "
    "https://lmb.informatik.uni-freiburg.de/resources/datasets/FreihandDataset.en.html"
)


class FreiHand:
    """FreiHAND's training or evaluation set; `Dataset`.

    Parameters
    ----------
    folder
        Where ``{split}_K.json`` and the folder ``{split}`` lie.
    split
        "training" or "evaluation".

    Raises
    ------
    FileNotFoundError
        If a file or the last image is missing.
    ValueError
        If the files' numbers of samples differ.
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
                f"and {len(self._vertices)} samples, which must be as many: get all three from the same archive"
            )
        require(folder / self.image_name(len(self) - 1), _REMEDY)

    def __len__(self) -> int:
        return len(self._matrices) * (TRAINING_VERSIONS if self._split == "training" else 1)

    def image_name(self, index: int) -> str:
        return f"{self._split}/rgb/{index:08d}.jpg"

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        sample = index % len(self._matrices)
        joints = self._joints[sample].astype(np.float32)
        joints_2d = project(self._joints[sample], camera_of_matrix(self._matrices[sample])).astype(np.float32)
        return (
            AnnotatedHand(
                box=box_around_joints(joints_2d, *IMAGE_SIZE),
                joints_2d=joints_2d,
                handedness="right",
                joints_3d=joints,
                vertices=self._vertices[sample].astype(np.float32),
                topology_id=MANO_TOPOLOGY_ID,
            ),
        )

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        image = read_sized_image(self._folder / self.image_name(index), IMAGE_SIZE, _REMEDY)
        return AnnotatedImage(image, self.hands(index), camera_of_matrix(self._matrices[index % len(self._matrices)]))
