"""A camera follows its picture into smaller copies and parts."""

import pytest

from service.engine.camera import Camera

POINT = (120.0, -45.0, 600.0)


def pixel(camera: Camera) -> tuple[float, float]:
    x, y, z = POINT
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy


def test_a_point_lies_at_the_same_place_of_a_smaller_copy() -> None:
    camera = Camera(610.0, 590.0, 322.0, 238.0)
    x, y = pixel(camera)
    assert pixel(camera.divided(4)) == pytest.approx((x / 4, y / 4))


def test_a_point_lies_at_the_same_place_of_a_part() -> None:
    camera = Camera(610.0, 590.0, 322.0, 238.0)
    x, y = pixel(camera)
    assert pixel(camera.moved(100, 30)) == pytest.approx((x - 100, y - 30))


def test_openfaces_guess_is_500_pixels_at_640_by_480() -> None:
    assert Camera.for_size(640, 480) == Camera(500, 500, 320, 240)
    assert Camera.for_size(1280, 480) == Camera(750, 750, 640, 240)
