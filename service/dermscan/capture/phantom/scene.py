"""The phantom as a picture: a view of a stretch of skin under a lamp, and the truth about where its lesion is."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.capture.phantom.lesion import render_lesion
from dermscan.capture.phantom.motion import AWAY, HELD, Pose
from dermscan.capture.phantom.skin import RULER_MM, render_skin
from dermscan.domain import RgbImage

VIEW_MM = 25.6
"""Width of the view on the skin in millimetres."""

LARGEST_VIEW_PX = 1600
MARGIN = 0.06
NOISE_LEVEL = 2.0


@dataclass(frozen=True, slots=True)
class PhantomScene:
    """What one picture of the phantom shows.

    Attributes:
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        seed: Chooses the skin and the series of lesions.
        lesion: Number of the lesion in that series; None for skin that has none.
        pose: Where the camera looks; by default straight at the lesion.
        noise: Chooses the sensor noise; the camera takes the number of the frame.
    """

    width: int = 1280
    height: int = 960
    seed: int = 0
    lesion: int | None = 0
    pose: Pose = HELD
    noise: int = 0

    @property
    def mm_per_pixel(self) -> float:
        """True scale of the picture."""
        return VIEW_MM / self.width


def render_phantom(scene: PhantomScene) -> tuple[RgbImage, NDArray[np.bool_]]:
    """Draw one picture of the phantom; the same scene gives the same picture.

    Returns:
        The picture, (height, width, 3) uint8, RGB; and the truth, (height, width) bool, True on the lesion.
    """
    stage = PhantomStage(scene.width, scene.height, scene.seed)
    stage.show(scene.lesion)
    return stage.picture(scene.pose, scene.noise), stage.mask(scene.pose)


class PhantomStage:
    """A stretch of skin, drawn once, from which each frame is cut.

    The skin is drawn at the resolution of the view, at most `LARGEST_VIEW_PX` wide; larger pictures are scaled up.
    """

    def __init__(self, width: int, height: int, seed: int) -> None:
        """Draw the skin, without a lesion.

        Args:
            width: Width of the pictures in pixels.
            height: Height of the pictures in pixels.
            seed: Chooses the skin and the series of lesions.
        """
        self._size = width, height
        self._seed = seed
        self._scale = max(1.0, max(width, height) / LARGEST_VIEW_PX)
        self._view = round(width / self._scale), round(height / self._scale)
        self._px_per_mm = self._view[0] / VIEW_MM
        self._anchor = self._view[0] * (0.5 - AWAY + MARGIN), self._view[1] * (0.5 + MARGIN)
        self._skin = self._draw_skin()
        self._canvas = self._skin
        self._truth = np.zeros(self._skin.shape[:2], dtype=np.uint8)

    def _draw_skin(self) -> RgbImage:
        width, height = self._view
        shape = round(height * (1 + 2 * MARGIN)), round(width * (1 - AWAY + 2 * MARGIN))
        ruler_top = round(height * (1 + MARGIN) - min(RULER_MM * self._px_per_mm, 0.1 * height))
        return _to_bytes(render_skin(self._seed, shape, self._px_per_mm, ruler_top))

    def show(self, lesion: int | None) -> None:
        """Put a lesion of the series on the skin, in place of the one before; None leaves the skin empty."""
        self._canvas = self._skin.copy()
        self._truth = np.zeros(self._skin.shape[:2], dtype=np.uint8)
        if lesion is None:
            return
        rng = np.random.default_rng((self._seed, 3, lesion))
        longest = rng.uniform(0.28, 0.46) * min(self._view[0], self._view[1] * 4 / 3)
        patch = render_lesion(self._seed, lesion, longest, self._px_per_mm)
        side = patch.mask.shape[0]
        left = round(self._anchor[0] + rng.uniform(-0.04, 0.04) * self._view[0] - side / 2)
        top = round(self._anchor[1] + rng.uniform(-0.07, 0.0) * self._view[1] - side / 2)
        self._lay(patch.transmission, patch.mask, max(left, 0), max(top, 0))

    def _lay(self, transmission: NDArray[np.float32], mask: NDArray[np.bool_], left: int, top: int) -> None:
        place = np.s_[top : top + mask.shape[0], left : left + mask.shape[1]]
        height, width = self._truth[place].shape
        self._canvas[place] = _to_bytes(self._skin[place] * transmission[:height, :width])
        self._truth[place] = mask[:height, :width]

    def picture(self, pose: Pose, noise: int) -> RgbImage:
        """Cut one frame.

        Args:
            pose: Where the camera looks.
            noise: Chooses the sensor noise.

        Returns:
            (height, width, 3) uint8, RGB.
        """
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(self._canvas, self._view_of(pose), self._size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        smear = round(pose.smear * self._size[0])
        if smear > 1:
            seen = cv2.blur(seen, (smear, 1))
        lit = cv2.multiply(seen, self._light, dtype=cv2.CV_8U)
        left, top = np.random.default_rng((self._seed, 4, noise)).integers(0, 64, 2)
        grain = self._noise[top : top + self._size[1], left : left + self._size[0]]
        return np.asarray(cv2.add(lit, grain, dtype=cv2.CV_8U), dtype=np.uint8)

    def mask(self, pose: Pose) -> NDArray[np.bool_]:
        """Where the lesion is in the frame cut at this pose: (height, width) bool."""
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self._truth, self._view_of(pose), self._size, flags=flags).astype(np.bool_)

    def _view_of(self, pose: Pose) -> NDArray[np.float64]:
        """Affine map (2, 3) from the pixels of the frame to those of the skin."""
        radians = np.radians(pose.angle_deg)
        turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]]) / self._scale
        center = np.array(self._anchor) + np.array([pose.x, pose.y]) * self._view[0]
        middle = (np.array(self._size) - 1) / 2
        return np.column_stack([turn, center - turn @ middle])

    @cached_property
    def _light(self) -> NDArray[np.float32]:
        """The lamp, fixed to the camera: brighter on one side, falling off to the corners; (height, width, 3)."""
        x = np.linspace(-1, 1, self._size[0], dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, self._size[1], dtype=np.float32)[:, None]
        light = 0.98 + 0.03 * x - 0.02 * y - 0.07 * (x * x + y * y)
        return np.ascontiguousarray(np.repeat(light[..., None], 3, axis=2))

    @cached_property
    def _noise(self) -> NDArray[np.int8]:
        """Sensor noise, larger than the frame, so that each frame takes another part of it."""
        rng = np.random.default_rng((self._seed, 5))
        shape = self._size[1] + 64, self._size[0] + 64, 3
        grain = rng.standard_normal(shape, dtype=np.float32) * np.float32(NOISE_LEVEL)
        return np.asarray(np.clip(np.rint(grain), -8, 8), dtype=np.int8)


def _to_bytes(picture: NDArray[np.float32]) -> RgbImage:
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)
