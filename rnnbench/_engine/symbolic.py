"""Symbolic stand-ins for a step's input and states: rows of pieces, (B, H) nodes or columns of the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from rnnbench._engine.graph import Graph, Node
from rnnbench._engine.hoisting import name_of
from rnnbench._engine.refusal import refuse


class Span(NamedTuple):
    """Columns of the input, ``start`` to ``stop``."""

    start: int
    stop: int


class Column(NamedTuple):
    """One column, the result of a sum over the units: a block with one number per row."""

    node: Node


Piece = Node | Span | Column


class Tracer(Protocol):
    """The operations that a symbol and the lowered functions need from :class:`rnnbench._engine.trace.Trace`."""

    H: int
    dtype: torch.dtype
    graph: Graph

    def width(self, piece: Piece) -> int: ...

    def blocks(self, value: Any, G: int) -> list[Node]: ...

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any: ...

    def linear(self, x: Symbol, weight: Any, bias: Any = None) -> Symbol: ...

    def pointwise(self, name: str, args: Any, kwargs: dict[str, Any]) -> Symbol: ...


class BatchSize(int):
    """The number of sequences while tracing: 1, which stands for any number.

    Python code may create tensors of this size. A comparison with a number is refused: it would depend on the batch.
    """

    def _equal(self, other: object) -> bool:
        return isinstance(other, BatchSize) or refuse("Python that depends on the number of sequences is not compiled")

    def _unequal(self, other: object) -> bool:
        return not self._equal(other)

    __eq__ = __le__ = __ge__ = _equal
    __ne__ = __lt__ = __gt__ = _unequal
    __hash__ = int.__hash__


class Symbol:
    """A symbolic (B, n) tensor, which torch's functions, methods and operators accept like a tensor."""

    __array_ufunc__ = None  # a numpy number on the left leaves the operator to this class

    def __init__(self, trace: Tracer, pieces: list[Piece]) -> None:
        self.trace, self.pieces = trace, pieces
        self.dtype, self.device, self.ndim = trace.dtype, torch.device("cpu"), 2

    @property
    def shape(self) -> torch.Size:
        """Return (1, n): a tensor created in this shape broadcasts to every batch."""
        return torch.Size((BatchSize(1), sum(self.trace.width(piece) for piece in self.pieces)))

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        return self.ndim

    def __len__(self) -> int:
        return 1

    def __getattr__(self, name: str) -> Any:
        if not callable(getattr(Tensor, name, None)):
            refuse(f"{name} of an input or a state is not compiled")
        return lambda *args, **kwargs: self.trace.call(getattr(Tensor, name), (self, *args), kwargs)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        refuse(f"{name_of(func)} is not compiled")  # a call from outside the trace: inside it, the mode handles calls


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args: self.trace.call(getattr(Tensor, name), (self, *args), {})


def _swapped(name: str) -> Callable[..., Any]:
    return lambda self, other: self.trace.call(getattr(torch, name), (other, self), {})


def _refused(what: str) -> Callable[..., Any]:
    return lambda *_: refuse(what)


SAME = (  # operators with the names of the tensor's methods
    "add sub mul truediv matmul pow neg abs gt ge lt le eq ne and or xor invert mod floordiv getitem rand ror rxor rmod rfloordiv"
)
for _op in SAME.split():
    setattr(Symbol, f"__{_op}__", _method(f"__{_op}__"))
for _op, _func in (("radd", "add"), ("rsub", "sub"), ("rmul", "mul"), ("rtruediv", "div"), ("rmatmul", "matmul"), ("rpow", "pow")):
    setattr(Symbol, f"__{_op}__", _swapped(_func))
for _op in ("iadd", "isub", "imul", "itruediv", "ipow", "iand", "ior", "ixor", "imod", "ifloordiv", "setitem"):
    setattr(Symbol, f"__{_op}__", _refused("a change in place is not compiled"))
for _op in ("bool", "float", "int", "index", "iter"):
    setattr(Symbol, f"__{_op}__", _refused("what depends on the values of an input or a state in Python is not compiled"))
Symbol.__hash__ = object.__hash__  # type: ignore[method-assign]  # defining __eq__ above removed it
