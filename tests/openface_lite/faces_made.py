"""Drawn changes to the portrait's face: shut eyes, a mask, other boxes around it."""

import cv2
import numpy as np

# The corners of the eyes in the portrait: left end, right end, in pixels; and the lids' distance.
_EYES = (((195, 100), (213, 103)), ((236, 105), (255, 103)))
_LID_DISTANCE = 7.0
# The portrait's lower face, from ear to ear over the nose.
_MASK = np.array([[183, 112], [200, 121], [223, 118], [246, 123], [267, 116], [262, 150], [240, 174], [221, 178]])
_MASK_LEFT = np.array([[203, 172], [188, 150]])


def with_shut_eyes(portrait: np.ndarray, share: float = 1.0) -> np.ndarray:
    """The portrait with its upper lids drawn down over the eyes; ``share`` 0 leaves them open, 1 shuts them.

    Rows of skin above each eye are stretched downwards, so that the lid keeps its own colours.
    """
    rows, columns = np.mgrid[0 : portrait.shape[0], 0 : portrait.shape[1]].astype(np.float32)
    taken = rows.copy()
    for (left, left_y), (right, right_y) in _EYES:
        middle_x, half = (left + right) / 2, (right - left) / 2
        middle_y = left_y + (right_y - left_y) * (columns - left) / (right - left)
        across = np.clip(1 - ((columns - middle_x) / (half * 1.05)) ** 2, 0, 1)
        reach = share * _LID_DISTANCE * np.sqrt(across)
        # From 12 px above the eye to the lower lid: what lay above the eye now covers it.
        top, bottom = middle_y - 14, middle_y + 3
        place = np.clip((rows - top) / (bottom - top), 0, 1)
        inside = (rows > top) & (rows < bottom) & (across > 0)
        taken = np.where(inside, rows - reach * place, taken)
    return cv2.remap(portrait, columns, taken.astype(np.float32), cv2.INTER_LINEAR)


def with_mask(portrait: np.ndarray) -> np.ndarray:
    """The portrait with a light blue mask over nose, mouth and chin."""
    masked = portrait.copy()
    outline = np.concatenate([_MASK, _MASK_LEFT]).astype(np.int32)
    cv2.fillPoly(masked, [outline], (214, 190, 160))
    for row in (135, 147, 159):
        cv2.line(masked, (196, row), (250, row + 2), (200, 175, 145), 1, cv2.LINE_AA)
    return masked
