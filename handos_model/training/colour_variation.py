"""Other colours for a training image: what another camera, light and compression would have made of it."""

import cv2
import numpy as np

from handos_model.io.frame import ImageArray


def vary_colours(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Another exposure, white balance, sharpness, noise and compression of `image` (S, S, 3)."""
    varied = _vary_tones(image, rng)
    if rng.random() < 0.1:
        varied = np.repeat(np.asarray(cv2.cvtColor(varied, cv2.COLOR_BGR2GRAY), np.uint8)[..., None], 3, axis=2)
    if rng.random() < 0.3:
        varied = _blur(varied, rng)
    if rng.random() < 0.3:
        varied = _add_noise(varied, deviation=rng.uniform(2, 12), seed=int(rng.integers(2**31)))
    if rng.random() < 0.2:
        varied = _compress(varied, quality=int(rng.integers(25, 80)))
    return varied


def _vary_tones(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Gamma, exposure, white balance and contrast."""
    gamma = np.exp(rng.normal(0, 0.25))
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.07, 3))
    levels = np.linspace(0, 1, 256)[:, None] ** gamma
    contrast = np.exp(rng.normal(0, 0.15))
    table = np.clip(255 * ((levels * gain - 0.5) * contrast + 0.5), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def _blur(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Out of focus, or moved during the exposure."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5)), np.uint8)
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
    return np.asarray(cv2.filter2D(image, -1, cv2.warpAffine(kernel, turn, (length, length))), np.uint8)


def _add_noise(image: ImageArray, deviation: float, seed: int) -> ImageArray:
    # OpenCV's generator is faster than numpy's, and noise was the dearest part of a sample.
    cv2.setRNGSeed(seed)
    noise = np.empty((len(image), image[0].size), np.int16)
    cv2.randn(noise, np.zeros(1), np.array([deviation]))
    return np.asarray(cv2.add(image, noise.reshape(image.shape), dtype=cv2.CV_8U), np.uint8)


def _compress(image: ImageArray, quality: int) -> ImageArray:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
