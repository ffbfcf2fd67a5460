"""An introduction to RNN, LSTM and GRU with the numbers of small trained networks, as text and as a page.

The text is in ``en.toml`` and ``zh.toml``. ``docs/make_explain.py`` writes ``networks.json`` and ``measured.json``.
"""

from rnnbench._explain.content import CELLS, LANGUAGES, TASKS
from rnnbench._explain.page import build_page
from rnnbench._explain.text import explain

__all__ = ["CELLS", "LANGUAGES", "TASKS", "build_page", "explain"]
