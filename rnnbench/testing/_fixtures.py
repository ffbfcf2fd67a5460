"""The fixtures of the checks: a class that can be built as often as needed, and helpers to compare tensors."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch
from torch import Generator, Tensor

from rnnbench._cell import InitContext, Layer
from rnnbench._config import Option
from rnnbench._errors import class_location
from rnnbench._network.initializers import default_init, initialise
from rnnbench._plugins import registry
from rnnbench._plugins.files import declared_files
from rnnbench._plugins.registry import C, Entry
from rnnbench._plugins.source import installed, uncovered_globals
from rnnbench.task import Batch, Task

STEPS, SEQUENCES = 12, 3


class CellFixture:
    """A cell to check, with its options and sizes."""

    def __init__(self, cls: type[Layer], options: Mapping[str, Option], input_size: int, hidden_size: int) -> None:
        self.cls, self.options = cls, options
        self.input_size, self.hidden_size = input_size, hidden_size

    @property
    def is_plugin(self) -> bool:
        """True unless the cell is built in or installed."""
        return self.cls not in [entry.cls for entry in registry.CELLS.named().values()]

    def uninitialized(self, seed: int = 0) -> Layer:
        """Return a new instance without initialisation."""
        torch.default_generator.manual_seed(seed)
        return registry.make_cell(self.cls, self.input_size, self.hidden_size, self.options)

    def initialized(self, seed: int = 0) -> Layer:
        """Return a new instance in evaluation mode: the default initialisation plus noise, since factors of 0 hide errors."""
        layer = self.uninitialized(seed)
        initialise(layer, default_init(self.uninitialized(seed)), self.context(seed))
        generator = Generator().manual_seed(seed + 1)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator).to(parameter))
        return layer.eval()

    def precise(self) -> Layer:
        """Return :meth:`initialized` in double precision, in which chaotic cells can be compared, unless it only runs in single."""
        layer = self.initialized().double()
        try:
            layer.states(self.values())
        except Exception:  # reported by the check of float64
            return self.initialized()
        return layer

    def context(self, seed: int = 0) -> InitContext:
        """Return the context of an initialisation, with a gap and a horizon that fit the length of the sequences."""
        return InitContext(Generator().manual_seed(seed), STEPS, 2.0 * STEPS)

    def values(self, seed: int = 0, sequences: int = SEQUENCES, steps: int = STEPS) -> Tensor:
        """Draw (T, B, D) normal values."""
        return torch.randn(steps, sequences, self.input_size, generator=Generator().manual_seed(seed))

    def tokens(self, seed: int = 0, sequences: int = SEQUENCES, steps: int = STEPS) -> Tensor:
        """Draw (T, B) tokens."""
        return torch.randint(self.input_size, (steps, sequences), generator=Generator().manual_seed(seed))


class TaskFixture:
    """A task to check, with its options."""

    def __init__(self, cls: type[Task], options: Mapping[str, Option]) -> None:
        self.cls, self.options = cls, options

    @property
    def is_plugin(self) -> bool:
        """True unless the task is built in or installed."""
        return self.cls not in [entry.cls for entry in registry.TASKS.named().values()]

    @cached_property
    def task(self) -> Task:
        """The task with its options."""
        return registry.make_task(self.cls, self.options)

    @cached_property
    def gaps(self) -> list[int]:
        """A few small gaps that the task accepts with these options."""
        return [gap for gap in dict.fromkeys((self.task.min_gap, self.task.min_gap + 1, 6, 13)) if accepts_gap(self.task, gap)]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the task distinguishes: one if it does not take ``split``."""
        return ("eval", "train") if self.task._takes_split else ("eval",)

    def batch(self, gap: int, sequences: int, seed: int = 0, split: str = "eval") -> Batch:
        """Draw a batch from a new generator."""
        return self.task.draw(gap, sequences, Generator().manual_seed(seed), split)


def accepts_gap(task: Task, gap: int) -> bool:
    """Return True if the task accepts this gap."""
    return not refusal_of(task, gap)


def refusal_of(task: Task, gap: int) -> str:
    """Return why the task does not accept this gap; empty if it does."""
    try:
        task.check_gap(gap)
    except ValueError as error:
        return str(error)
    return ""


@contextmanager
def isolated() -> Iterator[None]:
    """Use one thread, which is fastest for small tensors, and restore the random stream of the process on exit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def close(a: Tensor, b: Tensor) -> bool:
    """Return True if two float32 computations agree; the errors that the checks look for are a hundred times the tolerance."""
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def namesake(cls: type, registered: Mapping[str, Entry[C]]) -> str | None:
    """Return where the registered class of the same name is, if it is from another file; None if there is no such class."""
    entry = registered.get(getattr(cls, "name", ""))
    if entry is None or entry.cls is cls or _file(entry.cls) == _file(cls) is not None:
        return None
    return class_location(entry.cls) if entry.source else f"the built-in {class_location(entry.cls)}"


def check_identity(fixture: CellFixture | TaskFixture) -> Iterator[str]:
    """Yield a message that names the state which a plug-in uses and which is not part of the identity of its runs."""
    if fixture.is_plugin and (names := uncovered_globals(fixture.cls)):
        yield f"state outside the identity of its runs: {', '.join(names)}"


def check_files(fixture: CellFixture | TaskFixture) -> Iterator[str]:
    """Check that the files which the source names are declared, so that a replaced file changes the identity."""
    cls, own = fixture.cls, _file(fixture.cls)
    if not fixture.is_plugin or installed(cls.__module__.partition(".")[0]):
        return
    try:
        from_file = own is not None and cls.__module__.startswith("rnnbench_")  # else only the class is the plug-in
        text = Path(str(own)).read_text(encoding="utf-8") if from_file else textwrap.dedent(inspect.getsource(cls))
        constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    except (OSError, TypeError, SyntaxError, UnicodeDecodeError):  # a class without a source
        return
    declared = {path.resolve() for path in declared_files(cls)}
    folders = {Path(own).parent if own else Path(), Path()}
    for name in sorted(text for text in constants if isinstance(text, str) and len(text) < 200):
        paths = {folder / name for folder in folders if Path(name).suffix not in ("", ".py")}
        if any(path.is_file() and path.resolve() not in declared for path in paths):
            yield f"{name} is read and not declared: add files = ({name!r},) to the class, so that its content is identified"


def _file(cls: type) -> str | None:
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


@contextmanager
def nan_filled_memory() -> Iterator[None]:
    """Fill ``torch.empty`` with NaN inside the block, so that parameters that are never set show."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")  # with which torch fills new memory
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
