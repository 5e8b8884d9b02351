"""The phantom's skin: tone, blotches, relief, hairs and the ruler that lies on it. No lesion is drawn here."""

import cv2
import numpy as np

from dermscan.capture.phantom.texture import Field, cell_borders, noise_octave, noise_octaves

FAIR = np.array([240, 208, 194], dtype=np.float32)
TAN = np.array([216, 174, 148], dtype=np.float32)
BLOOD = np.array([-5.0, -15.0, -13.0], dtype=np.float32)
MELANIN = np.array([-12.0, -14.0, -15.0], dtype=np.float32)
HAIR = np.array([62, 44, 36], dtype=np.float32)
INK = np.array([48, 46, 50], dtype=np.float32)
HAIRS = 9
RULER_MM = 1.7


def render_skin(seed: int, shape: tuple[int, int], px_per_mm: float, ruler_top: int) -> Field:
    """Draw skin without a lesion, with a ruler on its lower edge.

    Args:
        seed: Chooses tone, texture and hairs.
        shape: (height, width) in pixels.
        px_per_mm: Pixels a millimetre.
        ruler_top: Row at which the ruler begins; it reaches to the lower edge.

    Returns:
        (height, width, 3) float32, RGB, 0 to 255.
    """
    rng = np.random.default_rng((seed, 1))
    skin = _tone(rng, shape, px_per_mm)
    skin *= _relief(rng, shape, px_per_mm)[..., None]
    _draw(skin, _hairs(rng, shape, px_per_mm), HAIR)
    skin[ruler_top:] = skin[ruler_top:] * 0.80 + 0.20 * 246
    _draw(skin, _ruler_ticks(shape, px_per_mm, ruler_top), INK)
    return skin


def _tone(rng: np.random.Generator, shape: tuple[int, int], px_per_mm: float) -> Field:
    base = FAIR + (TAN - FAIR) * np.float32(rng.uniform(0.0, 0.8))
    blood = 0.55 * noise_octaves(rng, shape, 9 * px_per_mm, 4) + 0.45 * noise_octaves(rng, shape, px_per_mm, 3)
    melanin = noise_octaves(rng, shape, 14 * px_per_mm, 5)
    return np.asarray(base + 0.38 * blood[..., None] * BLOOD + 0.4 * melanin[..., None] * MELANIN, dtype=np.float32)


def _relief(rng: np.random.Generator, shape: tuple[int, int], px_per_mm: float) -> Field:
    """Brightness factor of creases, plates and pores, about 1."""
    strength = 0.6 + 0.4 * np.clip(noise_octave(rng, shape, 6 * px_per_mm), -1, 1)
    creases = cell_borders(rng, shape, 0.75 * px_per_mm, 0.035 * px_per_mm)
    fine = cell_borders(rng, shape, 0.32 * px_per_mm, 0.03 * px_per_mm)
    grain = noise_octaves(rng, shape, 0.25 * px_per_mm, 3, decay=0.8)
    return np.asarray(1 - strength * (0.075 * creases + 0.03 * fine) + 0.016 * grain, dtype=np.float32)


def _hairs(rng: np.random.Generator, shape: tuple[int, int], px_per_mm: float) -> Field:
    """Coverage, 0 to 1, of a few curved hairs."""
    height, width = shape
    cover = np.zeros(shape, dtype=np.uint8)
    along = np.linspace(0, 1, 40)[:, None]
    for _ in range(HAIRS):
        root = rng.uniform((0, 0), (width, height))
        tip = root + rng.normal((0, 0), 5 * px_per_mm)
        bend = (root + tip) / 2 + rng.normal((0, 0), 1.6 * px_per_mm)
        curve = (1 - along) ** 2 * root + 2 * along * (1 - along) * bend + along**2 * tip
        points = np.round(curve * 16).astype(np.int32)
        thickness = max(round(0.05 * px_per_mm), 1)
        cv2.polylines(cover, [points], False, int(rng.uniform(110, 210)), thickness, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.6), dtype=np.float32) / np.float32(255)


def _ruler_ticks(shape: tuple[int, int], px_per_mm: float, ruler_top: int) -> Field:
    """Coverage, 0 to 1, of the ruler's edge and millimetre ticks; every fifth and tenth is longer."""
    cover = np.zeros(shape, dtype=np.uint8)
    thickness = max(round(0.05 * px_per_mm), 1)
    for millimetre in range(int(shape[1] / px_per_mm) + 1):
        length = 1.3 if millimetre % 10 == 0 else 1.0 if millimetre % 5 == 0 else 0.6
        x = round(millimetre * px_per_mm * 16)
        ends = (x, ruler_top * 16), (x, round((ruler_top + length * px_per_mm) * 16))
        cv2.line(cover, ends[0], ends[1], 205, thickness, cv2.LINE_AA, shift=4)
    return np.asarray(cover, dtype=np.float32) / np.float32(255)


def _draw(skin: Field, cover: Field, color: Field) -> None:
    """Lay a colour over the skin where it is covered."""
    touched = cover > 0
    share = cover[touched][:, None]
    skin[touched] = skin[touched] * (1 - share) + color * share
