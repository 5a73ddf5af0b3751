"""What a node is bombarded with: actions in random order, with other weights in every episode."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from bombarded_camera import DRAWINGS, BombardedCamera
from bombarded_node import CYCLE, DEFAULTS, BombardedNode
from broken_promise import require
from hostile_camera_infos import add_lens, camera_info_of, damage_camera_info
from hostile_depths import depth_image_of
from hostile_images import BYTES_PER_PIXEL, SIZES, compressed_image_of, damage_file, damage_image, image_of, pick
from std_msgs.msg import Header
from steered_network import NORMAL, NOTHING, Bar, draw_bars

from handos_ros.parameters.node_parameters import RULES

ACTIONS: Final = 150
"""Per episode."""


class Bombardment:
    """One episode of a node.

    Parameters
    ----------
    node
        The node.
    rng
        Decides everything.
    """

    def __init__(self, node: BombardedNode, rng: np.random.Generator) -> None:
        self._node, self._rng = node, rng
        self._bars = np.array(NORMAL)
        self._fraction_damaged = float(rng.choice([0.0, 0.1, 0.5]))

    def run(self) -> None:
        """Do what the episode's weights make likely, one thing after another."""
        actions: dict[Callable[[BombardedCamera], object], float] = {
            self._send_image: 30,
            self._send_camera_info: 3,
            self._send_depth: 6,
            self._move_hands: 5,
            self._set_parameter: 3,
            self._toggle_drawing: 2,
            self._change_habits: 1,
            self._cycle: 0.1,
        }
        weights = np.array(list(actions.values())) * self._rng.gamma(0.5, 2, len(actions))
        for camera in self._node.cameras:
            camera.change_habits(self._rng)
        for _ in range(ACTIONS):
            camera = self._node.cameras[self._rng.integers(len(self._node.cameras))]
            action = list(actions)[self._rng.choice(len(actions), p=weights / weights.sum())]
            action(camera)
            self._node.wait(float(self._rng.choice([0.0, 0.005, 0.02, 0.05, 0.3], p=[0.2, 0.2, 0.4, 0.17, 0.03])))

    def _send_image(self, camera: BombardedCamera) -> None:
        header, size, rng = camera.next_header(), SIZES[0], self._rng
        if rng.random() < self._fraction_damaged:
            size = SIZES[rng.integers(len(SIZES))]
        grey = draw_bars(self._bars, *size)
        if rng.random() < 0.5:
            camera.send("camera_info", self._camera_info(camera, header))
        if camera.has_depth and rng.random() < 0.7:
            camera.send("depth", depth_image_of(header, *size, rng))
        is_damaged = rng.random() < self._fraction_damaged
        if camera.is_compressed:
            file = compressed_image_of(grey, header, rng)
            if is_damaged:
                damage_file(file, rng)
            camera.send("image", file, None if is_damaged else size)
            return
        image = image_of(grey, pick(rng, tuple(BYTES_PER_PIXEL)), header, rng)
        if is_damaged:
            damage_image(image, rng)
        camera.send("image", image, (image.height, image.width))

    def _send_camera_info(self, camera: BombardedCamera) -> None:
        camera.send("camera_info", self._camera_info(camera, camera.next_header()))

    def _camera_info(self, camera: BombardedCamera, header: Header) -> Any:
        info, rng = camera_info_of(header, *SIZES[0]), self._rng
        if rng.random() < 0.3:
            add_lens(info, rng)
        while rng.random() < self._fraction_damaged:
            damage_camera_info(info, rng)
        camera.limits.may_have_lens |= info.distortion_model == "equidistant" or any(info.d)
        return info

    def _send_depth(self, camera: BombardedCamera) -> None:
        if camera.has_depth:
            camera.send("depth", depth_image_of(camera.next_header(), *SIZES[0], self._rng))

    def _move_hands(self, camera: BombardedCamera) -> None:
        """Move them a little or far, hide them, bring them back, or damage the network's numbers."""
        kind = self._rng.integers(6)
        if kind == 0:
            self._bars = np.array(NOTHING)
        elif kind == 1:
            self._bars = np.array(NORMAL)
        elif kind == 2:
            self._bars = self._rng.random(len(Bar))
        elif kind == 3:
            self._bars[[Bar.DAMAGE, Bar.DAMAGED]] = self._rng.random(2) if self._fraction_damaged else 0.0
        else:
            self._bars[: Bar.DAMAGE] += self._rng.normal(0, 0.05, Bar.DAMAGE)
        if not self._fraction_damaged:
            self._bars[Bar.DAMAGE] = 0.0

    def _set_parameter(self, camera: BombardedCamera) -> None:
        if self._rng.random() < 0.1:
            name, value = pick(self._rng, ("cameras", "weights", "backend", "depth", "unknown", "")), "x"
            if name:
                require(
                    not self._node.set_parameters(**{name: value}).successful, f"{name} is not changed to {value!r}"
                )
            return
        name = pick(self._rng, tuple(DEFAULTS))
        value, is_allowed = self._value_for(name)
        accepted = self._node.set_parameters(**{name: value}).successful
        require(is_allowed or not accepted, f"parameter {name} is not set to {value!r}")

    def _value_for(self, name: str) -> tuple[Any, bool]:
        """A value for a parameter, and whether it is in its range."""
        rng, default, between = self._rng, DEFAULTS[name], RULES[name].between
        if rng.random() < 0.1:
            return pick(rng, ("text", [1.0, 2.0], [b"b"])), False
        if between is None:
            return bool(rng.integers(2)), True
        low, high = between
        span = high - low
        if rng.random() < 0.5:
            value = low + span * 10.0 ** -rng.uniform(0, 4)
        else:
            edges = (low, high, low - 1e-9, high * (1 + 1e-9), low - span, high + span, np.nan, np.inf, -np.inf, 0.0)
            value = float(edges[rng.integers(len(edges))])
        if isinstance(default, int):
            value = int(np.nan_to_num(value, posinf=2**62, neginf=-(2**62)))
        return value, low <= value <= high

    def _toggle_drawing(self, camera: BombardedCamera) -> None:
        camera.toggle(pick(self._rng, tuple(DRAWINGS)))

    def _change_habits(self, camera: BombardedCamera) -> None:
        if self._node.clock is not None:
            self._node.clock.change_habit(self._rng)
        camera.change_habits(self._rng)

    def _cycle(self, camera: BombardedCamera) -> None:
        """Deactivate and activate the node, or take it down to unconfigured and up again."""
        names = tuple(CYCLE) if self._rng.random() < 0.3 else ("deactivate", "activate")
        for name in names:
            self._node.change_state(name)
            for _ in range(self._rng.integers(3)):
                self._send_image(camera)
