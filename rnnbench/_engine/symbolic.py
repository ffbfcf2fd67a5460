"""Symbolic stand-ins for a step's input and states: tensors of numbers of columns, with an axis for the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor

from rnnbench._engine.columns import ColumnTable
from rnnbench._engine.graph import Graph, Node
from rnnbench._engine.hoisting import name_of
from rnnbench._engine.refusal import refuse


class Tracer(Protocol):
    """The operations that a symbol and the lowered functions need from :class:`rnnbench._engine.trace.Trace`."""

    H: int
    dtype: torch.dtype
    graph: Graph
    table: ColumnTable

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any: ...

    def linear(self, x: Symbol, weight: Any, bias: Any = None) -> Symbol: ...

    def pointwise(self, name: str, args: Any, kwargs: dict[str, Any]) -> Symbol: ...

    def moved(self, func: Any, *args: Any, **kwargs: Any) -> Any: ...

    def symbol(self, nodes: list[Node], like: Tensor, axis: int) -> Symbol: ...


class BatchSize(int):
    """The number of sequences while tracing: 1, which stands for any number.

    Python code may create tensors of this size. Comparisons and arithmetic are refused: they would depend on the batch.
    """

    def _mixed(self, _: object) -> NoReturn:
        refuse("the number of sequences times or plus another number is not compiled: keep a dimension for the batch")

    __mul__ = __rmul__ = __floordiv__ = __add__ = __radd__ = __sub__ = __rsub__ = __truediv__ = _mixed

    def _equal(self, other: object) -> bool:
        return isinstance(other, BatchSize) or refuse("Python that depends on the number of sequences is not compiled")

    def _unequal(self, other: object) -> bool:
        return not self._equal(other)

    __eq__ = __le__ = __ge__ = _equal
    __ne__ = __lt__ = __gt__ = _unequal
    __hash__ = int.__hash__


ROW = 1 << 40
"""The distance of the second sequence's numbers of columns from the first one's."""


class Symbol:
    """A symbolic tensor, which torch's functions, methods and operators accept like a tensor.

    Attributes:
        rows: the numbers of its columns for a batch of two sequences, those of the second one larger by ``ROW``. Symbols that are
            views of one tensor share memory, so that a change in place reaches all of them.
        refs: the numbers of the first sequence.
        axis: the dimension of the batch.
    """

    __array_ufunc__ = None  # a numpy number on the left leaves the operator to this class

    def __init__(self, trace: Tracer, rows: Tensor, axis: int) -> None:
        self.trace, self.rows, self.axis = trace, rows, axis
        self.refs = rows.narrow(axis, 0, 1)
        self.dims = tuple(self.refs.shape)
        self.dtype, self.device, self.ndim = trace.dtype, torch.device("cpu"), len(self.dims)

    @classmethod
    def of(cls, trace: Tracer, refs: Tensor, axis: int = 0) -> Symbol:
        """Return the symbol with these numbers of columns, in new memory."""
        return cls(trace, torch.cat([refs, refs + ROW], axis), axis)

    @property
    def shape(self) -> torch.Size:
        """Return the shape with a batch of 1: a tensor created in this shape broadcasts to every batch."""
        return torch.Size(BatchSize(1) if k == self.axis else size for k, size in enumerate(self.dims))

    @property
    def nodes(self) -> list[Node]:
        """Return the nodes that the columns belong to."""
        return list(dict.fromkeys(ref.node for ref in self.trace.table.located(self.refs)))

    @property
    def T(self) -> Symbol:  # noqa: N802  # a tensor's name
        return self.trace.call(Tensor.t, (self,), {})  # type: ignore[no-any-return]

    @property
    def mT(self) -> Symbol:  # noqa: N802  # a tensor's name
        return self.trace.call(torch.transpose, (self, -2, -1), {})  # type: ignore[no-any-return]

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        return self.ndim

    def numel(self) -> int:
        return math.prod(self.dims)

    def __len__(self) -> int:
        return int(self.shape[0])

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
    "add sub mul truediv matmul pow neg pos abs gt ge lt le eq ne and or xor invert mod floordiv getitem rand ror rxor rmod "
    "rfloordiv iadd isub imul itruediv ipow iand ior ixor imod ifloordiv setitem"
)
for _op in SAME.split():
    setattr(Symbol, f"__{_op}__", _method(f"__{_op}__"))
for _op, _func in (("radd", "add"), ("rsub", "sub"), ("rmul", "mul"), ("rtruediv", "div"), ("rmatmul", "matmul"), ("rpow", "pow")):
    setattr(Symbol, f"__{_op}__", _swapped(_func))
for _op in ("bool", "float", "int", "index", "iter"):
    setattr(Symbol, f"__{_op}__", _refused("what depends on the values of an input or a state in Python is not compiled"))
Symbol.__hash__ = object.__hash__  # type: ignore[method-assign]  # defining __eq__ above removed it
