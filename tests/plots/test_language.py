"""Figures in Chinese: titles, axes, legends and notes are translated, and the characters have a font or one sentence."""

import re
import string
import warnings

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import rnnbench
from rnnbench import plots
from rnnbench.plots import _language
from tests.plots.study import made_up
from tests.plots.test_axes import DRAW, draw

NAMES = r"rnnbench|rnn|uniform|max_steps|copy|keep|state h|wide|initial|trained|paper|a run|tanh|Wilson|memory"
NAMES += r"|Zucchet|Orvieto|Pascanu|Bengio"
"""Names, which are the same in every language."""
FONT = pytest.mark.skipif(not _language.chinese_fonts(), reason="no font with Chinese characters")


@FONT
@pytest.mark.parametrize("name", DRAW)
def test_every_text_of_a_figure_is_translated(name: str) -> None:
    with plots.style("paper", "zh"):
        figure = draw(name)
    texts = [re.sub(NAMES, "", text.get_text()) for text in figure.findobj(Text)]
    assert not [text for text in texts if re.search(r"[A-Za-z]{3,}", text)]
    assert any(_language.has_chinese(text) for text in texts)


def test_a_translation_has_the_values_of_its_original() -> None:
    for text, translated in _language._translations("zh").items():
        fields = [{field for _, field, _, _ in string.Formatter().parse(one) if field} for one in (text, translated)]
        assert fields[0] == fields[1], text


@FONT
def test_chinese_is_drawn_with_a_font_and_english_is_back_afterwards() -> None:
    with plots.style("paper", "zh"):
        rnnbench.render(plots.plot_accuracy(made_up({"gap": gap} for gap in (5, 10))))  # a missing character is a warning
    assert plots.plot_accuracy(made_up([{"gap": 5}])).axes[0].get_ylabel() == "accuracy"


def test_without_a_font_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_language, "chinese_fonts", list)
    monkeypatch.setattr("rnnbench.plots._style.chinese_fonts", list)
    with (
        pytest.raises(rnnbench.UserError, match="no font with Chinese characters is installed: install"),
        plots.style("paper", "zh"),
    ):
        pass
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure = Figure()
        figure.text(0.5, 0.5, "长期记忆", family="DejaVu Sans")
        rnnbench.render(figure)
    assert [str(one.message) for one in caught] == [
        "no installed font has the characters 长期记忆: they are boxes in the figure; install a font such as Noto Sans CJK"
    ]
    with pytest.raises(rnnbench.UserError, match="unknown language 'fr': choose one of en, zh"), plots.style("paper", "fr"):
        pass
