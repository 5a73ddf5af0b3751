"""Camera effects on a rendered image: blur, exposure, white balance, noise, low resolution, JPEG."""

import cv2
import numba
import numpy as np

from handos_model.geometry.arrays import FloatArray, ImageArray


def apply_camera_effects(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """Moderately degrade a rendered image (H, W, 3) BGR; training adds colour augmentation of its own."""
    image = _blur(rng, image)
    image = _expose(rng, image)
    if rng.random() < 0.7:
        image = _add_noise(rng, image)
    if rng.random() < 0.15:
        image = _reduce_resolution(rng, image)
    if rng.random() < 0.6:
        image = _compress(rng, image)
    return image


def misexpose(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """An image (H, W, 3) that is far too dark, or so bright that much of it is white."""
    light = rng.uniform(0.1, 0.35) if rng.random() < 0.7 else rng.uniform(1.6, 3.0)
    return np.asarray(cv2.convertScaleAbs(image, alpha=light), np.uint8)


def photograph_in_infrared(rng: np.random.Generator, image: ImageArray, depth: FloatArray) -> ImageArray:
    """A grey image of what a light beside the camera reaches.

    Parameters
    ----------
    image, depth
        (H, W, 3) BGR and (H, W) metres, infinite on the background.
    """
    # Skin of all people is bright in infrared, as it is in red.
    grey = image.astype(np.float32) @ np.array([0.1, 0.15, 0.75], np.float32)
    reach, falloff = rng.uniform(1.0, 2.5), rng.uniform(0.5, 1.5)
    # Edges are soft although a pixel has one depth only.
    lit = grey * cv2.blur(np.clip(depth, 0.1, reach) ** -falloff, (3, 3))
    is_surface = np.isfinite(depth)
    bright = np.percentile(lit[is_surface] if is_surface.any() else lit, 90)
    return _grey(np.clip(lit * rng.uniform(100, 260) / max(bright, 1.0), 0, 255).astype(np.uint8))


def without_colours(image: ImageArray) -> ImageArray:
    """An image (H, W, 3) BGR as a grey camera takes it."""
    return _grey(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8))


def _grey(image: ImageArray) -> ImageArray:
    """(H, W, 3) of (H, W)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def _blur(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    kind = rng.random()
    if kind < 0.4:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    if kind < 0.52:
        return _motion_blur(rng, image)
    return image


def _motion_blur(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    length = int(rng.integers(2, 5))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    step = (length * np.array([np.cos(angle), np.sin(angle)])).round().astype(int)
    cv2.line(kernel, (length - step[0], length - step[1]), (length + step[0], length + step[1]), 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _expose(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    return np.asarray(cv2.LUT(image, sample_exposure(rng)), np.uint8)


def sample_exposure(rng: np.random.Generator) -> ImageArray:
    """(1, 256, 3) look-up table for cv2.LUT: gain, white balance and tone curve."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gains = np.exp(rng.normal(-0.03, 0.12) + rng.normal(0, 0.05, 3))
    curve = np.clip(ramp * gains, 0, 1) ** np.exp(rng.normal(0, 0.16))
    black, white = rng.uniform(0, 0.07), rng.uniform(0.93, 1.0)
    table = (255 * (black + (white - black) * curve) + 0.5).astype(np.uint8)
    return table[None]


def _add_noise(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """Luminance noise per pixel, and in half of the images colour noise at half the resolution."""
    height, width = image.shape[:2]
    sigma = rng.gamma(1.5, 1.7)
    noise = luminance_noise(rng, image, sigma)
    if rng.random() < 0.5:
        coarse = rng.standard_normal((height // 2, width // 2, 3), np.float32) * (0.6 * sigma)
        noise = noise + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(add_noise(image, noise), np.uint8)


@numba.njit(cache=True, fastmath=True)
def add_noise(image, noise):  # type: ignore[no-untyped-def]
    """The sum (H, W, 3), rounded down and within 0..255, of an image and noise (H, W, 3) or (H, W, 1)."""
    sum_ = np.empty_like(image)
    channels = noise.shape[2]
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                value = np.float32(image[y, x, c]) + noise[y, x, c if channels == 3 else 0]
                sum_[y, x, c] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))
    return sum_


def luminance_noise(rng: np.random.Generator, image: ImageArray, sigma: float) -> FloatArray:
    """(H, W, 1) noise of a sensor."""
    return rng.standard_normal((*image.shape[:2], 1), np.float32) * np.float32(sigma)


def _reduce_resolution(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    height, width = image.shape[:2]
    scale = rng.uniform(0.35, 0.8)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _compress(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
