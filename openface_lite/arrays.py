"""The array types of the package, so that signatures stay short."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Any floating point array; docstrings say shape and unit.
Array = NDArray[np.floating[Any]]
# (height, width, 3) uint8, blue-green-red as OpenCV decodes.
Image = NDArray[np.uint8]
