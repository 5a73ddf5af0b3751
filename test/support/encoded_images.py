"""Encoded images with properties that OpenCV does not write."""

import struct

import cv2

from handos_model.geometry.arrays import ImageArray


def jpeg_with_orientation(image: ImageArray, orientation: int) -> bytes:
    """JPEG of (H, W, 3) BGR whose EXIF asks viewers to turn it (1..8)."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + data[2:]
