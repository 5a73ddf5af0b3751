"""Arrays read from annotation files: of the expected shape, and finite."""

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array


def checked_array(values: npt.ArrayLike, shape: tuple[int, ...], source: str) -> Float64Array:
    """Return `values` as an array of `shape` that contains finite numbers only.

    Parameters
    ----------
    values
        What the file contains.
    shape
        Expected shape.
    source
        File, sample and name of the values, for the error.

    Raises
    ------
    ValueError
        If the values have another shape, are no numbers, or one is not finite.
    """
    try:
        array = np.asarray(values, np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{source}: expected numbers of the shape {shape} ({error})") from error
    if array.shape != shape:
        raise ValueError(f"{source}: the shape is {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        position = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
        raise ValueError(f"{source}: {array[tuple(position)]} at {position} is not a finite number")
    return array
