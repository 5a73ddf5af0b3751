"""Image files become BGR arrays."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from encoded_images import jpeg_with_orientation

from handos_model.files.images import ImageFileError, read_image

GREY = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))


def test_exif_orientation_of_files_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "turned.jpg").write_bytes(jpeg_with_orientation(np.dstack([GREY] * 3), 6))
    assert read_image(tmp_path / "turned.jpg").shape == (64, 48, 3)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_files_of_short_samples_have_full_brightness(bits: int, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), GREY.astype(np.uint16) << (bits - 8))
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), np.dstack([GREY] * 3))


def test_files_of_floating_point_numbers_are_no_images(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.tiff"), GREY.astype(np.float32) / 255)
    with pytest.raises(ImageFileError, match=r"image\.tiff"):
        read_image(tmp_path / "image.tiff")


def test_a_file_that_would_fill_the_memory_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bomb.pgm").write_bytes(b"P5\n30000 30000\n255\n")
    with pytest.raises(ImageFileError, match=r"bomb.pgm .*30000 x 30000"):
        read_image(tmp_path / "bomb.pgm")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0 no jpeg"])
def test_what_is_no_image_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(ImageFileError, match=r"bad\.png"):
        read_image(tmp_path / "bad.png")


def test_only_our_own_message_tells_of_a_damaged_image(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoded = cv2.imencode(".bmp", np.dstack([GREY] * 3))[1].tobytes()
    (tmp_path / "cut.bmp").write_bytes(encoded[: len(encoded) // 2])
    with pytest.raises(ImageFileError, match=r"cut\.bmp"):
        read_image(tmp_path / "cut.bmp")
    assert capfd.readouterr().err == ""
