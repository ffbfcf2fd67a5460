"""What stands for inputs and states while a step is traced: a row of pieces, (B, H) nodes or columns of the input side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._engine.graph import Node
from rnnbench._engine.hoisting import name_of
from rnnbench._engine.refusal import refuse

if TYPE_CHECKING:
    from rnnbench._engine.trace import Trace


class Span(NamedTuple):
    """Columns of the input, ``start`` to ``stop``."""

    start: int
    stop: int


class Column(NamedTuple):
    """One column, made of a sum over the units: a block with the same number everywhere in a row."""

    node: Node


Piece = Node | Span | Column


class Batch(int):
    """How many sequences there are. One stands for all of them: Python may make tensors with it, and may not ask how many it is."""

    def _asked(self, other: object) -> bool:
        return isinstance(other, Batch) or refuse("Python that depends on the number of sequences is not compiled")

    def _other(self, other: object) -> bool:
        return not self._asked(other)

    __eq__ = __le__ = __ge__ = _asked
    __ne__ = __lt__ = __gt__ = _other
    __hash__ = int.__hash__


class Symbol:
    """Stands for a (B, n) tensor; it acts like a tensor towards torch's functions, its methods and operators."""

    __array_ufunc__ = None  # a number of numpy's leaves the operator to us

    def __init__(self, trace: Trace, pieces: list[Piece]) -> None:
        self.trace, self.pieces = trace, pieces
        self.dtype, self.device, self.ndim = trace.dtype, torch.device("cpu"), 2

    @property
    def shape(self) -> torch.Size:
        """One sequence stands for all of them: what is made in this shape from nothing then fits every batch."""
        return torch.Size((Batch(1), sum(self.trace.width(piece) for piece in self.pieces)))

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
        refuse(f"{name_of(func)} is not compiled")  # the mode answers all calls during a trace


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args: self.trace.call(getattr(Tensor, name), (self, *args), {})


def _swapped(name: str) -> Callable[..., Any]:
    return lambda self, other: self.trace.call(getattr(torch, name), (other, self), {})


def _refused(what: str) -> Callable[..., Any]:
    return lambda *_: refuse(what)


SAME = (  # operators named as the tensor's methods
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
Symbol.__hash__ = object.__hash__  # type: ignore[method-assign]  # __eq__ above took it away
