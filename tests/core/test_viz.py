"""Pictures that carry a meaning: what a colour of a flow field stands for."""

import colorsys

import numpy as np
import pytest

from perfclone import viz


def hue_and_saturation(x: float, y: float, limit: float = 4.0) -> tuple[float, float]:
    """Degrees and 0..1 of the colour that `draw_flow` gives to the vector (x, y)."""
    colour = viz.draw_flow(np.array([[[x, y]]]), limit)[0, 0] / 255
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    assert value == 1
    return 360 * hue, saturation


def test_a_flows_colour_has_the_hue_of_its_direction_and_the_saturation_of_its_length():
    assert viz.draw_flow(np.zeros((2, 3, 2), np.float16), 4).tolist() == np.full((2, 3, 3), 255).tolist()
    assert viz.draw_flow(np.array([[[4.0, 0.0]]]), 4)[0, 0].tolist() == [255, 0, 0]
    for x, y, degrees in ((0, 4, 90), (-4, 0, 180), (0, -4, 270)):  # y grows downwards
        assert hue_and_saturation(x, y) == pytest.approx((degrees, 1), abs=1)
    assert hue_and_saturation(-1, 0) == pytest.approx((180, 0.25), abs=0.01)
    assert hue_and_saturation(30, 0) == hue_and_saturation(4, 0), "beyond the limit the colour stays"
