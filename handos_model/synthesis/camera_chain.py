"""What a camera does to a picture: blur, exposure, white balance, noise, low resolution, JPEG."""

import cv2
import numpy as np

from handos_model.io.frame import ImageArray


def through_camera(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    """Degrade a rendered picture (H, W, 3) BGR moderately; training adds its own colours on top."""
    picture = _blurred(rng, picture)
    picture = _exposed(rng, picture)
    if rng.random() < 0.7:
        picture = _noisy(rng, picture)
    if rng.random() < 0.15:
        picture = _coarse(rng, picture)
    if rng.random() < 0.6:
        picture = _compressed(rng, picture)
    return picture


def _blurred(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    kind = rng.random()
    if kind < 0.4:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    if kind < 0.52:
        return _motion_blurred(rng, picture)
    return picture


def _motion_blurred(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    length = int(rng.integers(2, 5))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    step = (length * np.array([np.cos(angle), np.sin(angle)])).round().astype(int)
    cv2.line(kernel, (length - step[0], length - step[1]), (length + step[0], length + step[1]), 1.0, 1)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def _exposed(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    """Gain, white balance and tone curve in one look-up table per channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gains = np.exp(rng.normal(-0.03, 0.12) + rng.normal(0, 0.05, 3))
    curve = np.clip(ramp * gains, 0, 1) ** np.exp(rng.normal(0, 0.16))
    black, white = rng.uniform(0, 0.07), rng.uniform(0.93, 1.0)
    table = (255 * (black + (white - black) * curve) + 0.5).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)


def _noisy(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    height, width = picture.shape[:2]
    sigma = rng.gamma(1.5, 1.7)
    noise = rng.standard_normal((height, width, 1), np.float32) * sigma
    if rng.random() < 0.5:
        coarse = rng.standard_normal((height // 2, width // 2, 3), np.float32) * (0.6 * sigma)
        noise = noise + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _coarse(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    height, width = picture.shape[:2]
    scale = rng.uniform(0.35, 0.8)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _compressed(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
