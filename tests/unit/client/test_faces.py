"""Pictures in memory, as they are sent."""

from __future__ import annotations

import numpy as np
import pytest

from service.client.faces import encoded


@pytest.mark.parametrize("array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)])
def test_an_array_that_is_no_picture_is_refused_before_it_is_sent(array):
    with pytest.raises(ValueError, match="is no picture"):
        encoded(array)
