"""What the checks work with: a class that can be built as often as needed, and ways to compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Generator, Tensor

from rnnbench._cell import InitContext, Layer
from rnnbench._config import Option
from rnnbench._network.initializers import default, initialise
from rnnbench._plugins import registry
from rnnbench._plugins.registry import C, Entry

STEPS, SEQUENCES = 12, 3


class CellFixture:
    """A cell that is looked at.

    Args:
        kind: its class.
        options: its options.
        input_size, hidden_size: the sizes that it is built with.
    """

    def __init__(self, kind: type[Layer], options: Mapping[str, Option], input_size: int, hidden_size: int) -> None:
        self.kind, self.options = kind, options
        self.input_size, self.hidden_size = input_size, hidden_size

    def raw(self, seed: int = 0) -> Layer:
        """A new one, as its ``__init__`` leaves it."""
        torch.default_generator.manual_seed(seed)
        return registry.make_cell(self.kind, self.input_size, self.hidden_size, self.options)

    def new(self, seed: int = 0) -> Layer:
        """A new one with its default initialisation, in evaluation mode; disturbed, for a factor that starts at 0 hides much."""
        layer = self.raw(seed)
        initialise(layer, default(self.raw(seed)), self.setting(seed))
        generator = Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator).to(parameter))
        return layer.eval()

    def setting(self, seed: int = 0) -> InitContext:
        """A gap and a horizon of the length of the sequences."""
        return InitContext(Generator().manual_seed(seed), STEPS, 2.0 * STEPS)

    def values(self, seed: int = 0, sequences: int = SEQUENCES, steps: int = STEPS) -> Tensor:
        """(T, B, D) numbers."""
        return torch.randn(steps, sequences, self.input_size, generator=Generator().manual_seed(seed))

    def tokens(self, seed: int = 0, sequences: int = SEQUENCES, steps: int = STEPS) -> Tensor:
        """(T, B) tokens."""
        return torch.randint(self.input_size, (steps, sequences), generator=Generator().manual_seed(seed))


@contextmanager
def by_itself() -> Iterator[None]:
    """One thread, which is quickest for small tensors, and a random stream that the process does not notice."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two ways to the same float32 numbers agree; what the checks look for is a hundred times the tolerance."""
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def owner(kind: type, registered: Mapping[str, Entry[C]]) -> type | None:
    """The other class that has this one's name; None if there is none, or it stands in the same file."""
    entry = registered.get(getattr(kind, "name", ""))
    other = None if entry is None else entry.kind
    if other is None or other is kind or _file(other) == _file(kind) is not None:
        return None
    return other


def _file(kind: type) -> str | None:
    return getattr(sys.modules.get(kind.__module__), "__file__", None)


@contextmanager
def nothing_is_initialised() -> Iterator[None]:
    """Inside it, ``torch.empty`` is full of NaN, so that a parameter which was never set shows."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")  # with which torch fills it
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
