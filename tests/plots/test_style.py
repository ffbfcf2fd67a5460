"""Colours and shapes: sixteen cells can be distinguished with and without colour, and look the same in every figure."""

import colorsys
import itertools
import subprocess
import sys

import pandas as pd
from matplotlib.colors import to_rgb

from rnnbench.plots._style import PALETTE, cell_styles, curve_styles

SIXTEEN = [f"cell{k}" for k in range(16)]


def luminance(color: str) -> float:
    """Return the luminance of an sRGB colour, as defined for contrast on the web (WCAG 2)."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_sixteen_cells_have_sixteen_colours_and_sixteen_shapes() -> None:
    styles = cell_styles(SIXTEEN)
    assert len({color for color, _ in styles.values()}) == 16
    assert len({str(marker) for _, marker in styles.values()}) == 16
    assert cell_styles([*SIXTEEN, "one-more-cell"]).items() > styles.items()


def test_thirty_two_cells_have_pairs_of_their_own() -> None:
    many = [f"cell-{k:03}" for k in range(40)]
    pairs = list(cell_styles(many[:32]).values())
    assert len(set(pairs)) == 32
    assert len(cell_styles(many)) == 40


def test_cells_of_one_colour_have_other_dashes() -> None:
    cells = [f"cell-{k:03}" for k in range(32)]
    styles = curve_styles(pd.DataFrame({"cell": cells, "label": cells, "gap": 5}))
    assert len({(style["color"], str(style["linestyle"])) for style in styles.values()}) == 32


def test_every_colour_has_contrast_on_white_and_none_is_yellow() -> None:
    for color, _ in PALETTE:
        assert 1.05 / (luminance(color) + 0.05) > 2, color
        hue, _, saturation = colorsys.rgb_to_hls(*to_rgb(color))
        assert not (50 / 360 < hue < 70 / 360 and saturation > 0.5 and luminance(color) > 0.4), color
    for one, other in itertools.combinations([color for color, _ in PALETTE], 2):
        assert sum(abs(a - b) for a, b in zip(to_rgb(one), to_rgb(other), strict=True)) > 0.2, (one, other)


def test_a_cell_has_the_same_style_in_every_set_and_process() -> None:
    alone = cell_styles(["leaky"])["leaky"]
    assert cell_styles(["leaky", "rnn", "lstm", "gru", "memoryless"])["leaky"] == alone
    code = "from rnnbench.plots._style import cell_styles; print(cell_styles(['leaky'])['leaky'][0])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == alone[0]


def test_curves_of_one_cell_share_its_colour_and_differ_in_their_dash() -> None:
    labels = ["a (y)", "a (y)", "a (x)", "a (x)", "a (x)", "b (x)"]
    frame = pd.DataFrame({"cell": [*"aaaaab"], "label": labels, "gap": [5, 10, 5, 5, 5, 5]})
    styles = curve_styles(frame)
    assert styles["a (y)"]["color"] == styles["a (x)"]["color"] != styles["b (x)"]["color"]
    assert styles["a (y)"]["linestyle"] == styles["b (x)"]["linestyle"] == "-"  # the curve of most gaps, not of most rows
    assert styles["a (x)"]["linestyle"] != "-"
