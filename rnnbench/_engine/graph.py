"""The graph of a step: nodes, each a (B, width) block of numbers, and all operators with their derivatives.

Nodes are hash-consed: the same operator on the same arguments is the same node. A node of width 1 is a column, which operators
broadcast to the width of their other arguments. The leaves are

    number   a Python number, a column            state    a part of the state before the step
    vector   computed from parameters only        input    columns of a product of the step's input
    product  columns of a source's product        slot     a sum of products, see :mod:`rnnbench._engine.derive`

and, in the backward pass, ``adjoint`` (from the next time step) and ``back`` (through a matrix product).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, Union

Operand = Union["Node", float]


class Node:
    """One block of ``width`` columns; ``key`` distinguishes leaves with the same operator."""

    def __init__(self, graph: Graph, op: str, args: tuple[Node, ...], key: Any, order: int, width: int) -> None:
        self.graph, self.op, self.args, self.key, self.order, self.width = graph, op, args, key, order, width

    def __add__(self, other: Operand) -> Node:
        return self.graph.apply("add", self, other)

    def __sub__(self, other: Operand) -> Node:
        return self.graph.apply("sub", self, other)

    def __rsub__(self, other: Operand) -> Node:
        return self.graph.apply("sub", other, self)

    def __mul__(self, other: Operand) -> Node:
        return self.graph.apply("mul", self, other)

    def __truediv__(self, other: Operand) -> Node:
        return self.graph.apply("div", self, other)

    def __neg__(self) -> Node:
        return self.graph.apply("neg", self)

    @property
    def number(self) -> float | None:
        return float(self.key) if self.op == "number" else None


class Operator(NamedTuple):
    """An operator on blocks.

    Attributes:
        code: its form in the emitted source.
        slopes: a function of its adjoint d, its value y and its arguments that returns the adjoint of each argument, or None.
        cost: its approximate number of instructions; expensive values are computed only once.
    """

    code: str
    slopes: Callable[..., tuple[Node | None, ...]]
    cost: int = 1


def select(condition: Node, yes: Operand, no: Operand) -> Node:
    return condition.graph.apply("where", condition, yes, no)


def comparison(op: str, a: Node, b: Operand) -> Node:
    return a.graph.apply(op, a, b)


def _extremum(within: str) -> Callable[..., tuple[Node | None, ...]]:
    """Return slopes of half at a tie, 0 where ``within`` is true, and 1 at NaN, as in torch."""

    def slopes(d: Node, y: Node, a: Node, b: Node) -> tuple[Node, Node]:
        tie = select(comparison("eq", a, b), d * 0.5, d)
        return select(comparison(within, a, b), 0, tie), select(comparison(within, b, a), 0, tie)

    return slopes


Columns = tuple[tuple[int, ...], ...]
"""For each column of a result, the columns of the argument whose sum it is."""


def route(node: Node, columns: Columns) -> Node:
    """Return the block whose column j is the sum of the node's columns ``columns[j]``."""
    if node.op in TRUTH:
        return comparison("ne", route(select(node, 1, 0), columns), 0)
    if columns == tuple((j,) for j in range(node.width)):
        return node
    if len(columns) == 1 and columns[0] == tuple(range(node.width)):
        return node.graph.make("total", node, width=1)
    if any(len(sources) != 1 for sources in columns):
        return node.graph.make("collect", node, key=columns, width=len(columns))
    if node.op == "pick":
        inner: Columns = node.key
        return route(node.args[0], tuple(inner[source] for (source,) in columns))
    return node.graph.make("pick", node, key=columns, width=len(columns))


def _through(d: Node, y: Node, a: Node) -> tuple[Node]:
    """Return the adjoint of the argument of a pick or a collect: the transposed routing."""
    columns: Columns = y.key
    back: list[list[int]] = [[] for _ in range(a.width)]
    for j, sources in enumerate(columns):
        for source in sources:
            back[source].append(j)
    if d.width < y.width:
        d = route(d, ((0,),) * y.width)
    return (route(d, tuple(map(tuple, back))),)


def truncated(a: Node) -> Node:
    """Return the whole part, towards zero."""
    return select(comparison("lt", a, 0), -a.graph.apply("floor", -a), a.graph.apply("floor", a))


def _power_slopes(d: Node, y: Node, a: Node, b: Node) -> tuple[Node, Node]:
    """Return slopes that are 0 for the exponent 0, and for the base 0 in that of the exponent, as in torch."""
    apply = a.graph.apply
    of_base = apply("mul", apply("power", a, apply("sub", b, 1)), b)
    at_zero = apply("and", comparison("eq", a, 0), comparison("ge", b, 0))
    return d * select(comparison("eq", b, 0), 0, of_base), d * select(at_zero, 0, y * apply("log", a))


DEAR = 20
ROUTES = ("pick", "collect", "first", "total")  # operators that read other columns of their argument
OPERATORS: dict[str, Operator] = {
    "add": Operator("{} + {}", lambda d, y, a, b: (d, d)),
    "sub": Operator("{} - {}", lambda d, y, a, b: (d, -d)),
    "mul": Operator("{} * {}", lambda d, y, a, b: (d * b, d * a)),
    "div": Operator("{} / {}", lambda d, y, a, b: (d / b, -(d * y / b)), 4),
    "neg": Operator("-{}", lambda d, y, a: (-d,)),
    "tanh": Operator("tanh({})", lambda d, y, a: (d * (1 - y * y),), DEAR),
    "sigmoid": Operator("sigmoid({})", lambda d, y, a: (d * (y * (1 - y)),), DEAR),
    "relu": Operator("relu({})", lambda d, y, a: (select(comparison("le", y, 0), 0, d),)),
    "exp": Operator("exp({})", lambda d, y, a: (d * y,), DEAR),
    "log": Operator("log({})", lambda d, y, a: (d / a,), DEAR),
    "softplus": Operator("softplus({})", lambda d, y, a: (d * a.graph.apply("sigmoid", a),), DEAR),
    "sqrt": Operator("sqrt({})", lambda d, y, a: (d * 0.5 / y,), 6),
    "sin": Operator("sin({})", lambda d, y, a: (d * a.graph.apply("cos", a),), DEAR),
    "cos": Operator("cos({})", lambda d, y, a: (-(d * a.graph.apply("sin", a)),), DEAR),
    "erf": Operator("erf({})", lambda d, y, a: (d * (a.graph.apply("exp", -(a * a)) * (2 / math.sqrt(math.pi))),), DEAR),
    "floor": Operator("floor({})", lambda *_: (None,), 2),
    "round": Operator("rint({})", lambda *_: (None,), 2),
    "remainder": Operator("remainder({}, {})", lambda d, y, a, b: (d, -(d * a.graph.apply("floor", a / b))), 8),
    "fmod": Operator("fmod({}, {})", lambda d, y, a, b: (d, -(d * truncated(a / b))), 8),
    "power": Operator("power({}, {})", _power_slopes, DEAR),
    "atan": Operator("atan({})", lambda d, y, a: (d / (a * a + 1),), DEAR),
    "abs": Operator("abs({})", lambda d, y, a: (select(comparison("gt", a, 0), d, select(comparison("lt", a, 0), -d, 0)),)),
    "max": Operator("larger({}, {})", _extremum("lt"), 2),
    "min": Operator("smaller({}, {})", _extremum("gt"), 2),
    "where": Operator("where({}, {}, {})", lambda d, y, c, a, b: (None, select(c, d, 0), select(c, 0, d))),
    "detach": Operator("{}", lambda d, y, a: (None,)),
    "total": Operator("sum of {}", lambda d, y, a: (d,)),  # the sum over a row, a column
    "pick": Operator("columns of {}", _through),  # one column of the argument for each of the result
    "collect": Operator("sums of columns of {}", _through),
    "first": Operator("first of {}", lambda *_: (None,)),  # 1 at the first largest column of every group, else 0
}
COMPARISONS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
TRUTH = (*COMPARISONS, "and", "or")
for _op, _sign in {**COMPARISONS, "and": "&", "or": "|"}.items():
    OPERATORS[_op] = Operator(f"{{}} {_sign} {{}}", lambda *_: (None, None))


class Graph:
    """All nodes of a step and of its backward pass, each after its arguments."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[Hashable, ...], Node] = {}

    def make(self, op: str, *args: Node, key: Hashable = None, width: int = 0) -> Node:
        """Return the node of that operator, arguments and key; ``width`` 0 stands for that of the widest argument."""
        name = (op, key, *(arg.order for arg in args))
        if name not in self.nodes:
            width = width or max((arg.width for arg in args), default=1)
            self.nodes[name] = Node(self, op, args, key, len(self.nodes), width)
        return self.nodes[name]

    def number(self, value: float) -> Node:
        return self.make("number", key=float(value))

    def apply(self, op: str, *given: Operand) -> Node:
        """Return the operator on those nodes and numbers, simplified where a number makes it trivial."""
        args = tuple(arg if isinstance(arg, Node) else self.number(arg) for arg in given)
        values = [arg.number for arg in args]
        if op in ("mul", "add") and values[0] is not None and values[1] is None:
            args, values = args[::-1], values[::-1]
        match op, values:
            case (("mul" | "div"), [_, 1.0]) | (("add" | "sub"), [_, 0.0]):
                return args[0]
            case ("mul", [_, -1.0]):
                return self.apply("neg", args[0])
            case ("neg", [float(value)]):
                return self.number(-value)
            case (("add" | "sub" | "mul"), [float(a), float(b)]):
                return self.number({"add": a + b, "sub": a - b, "mul": a * b}[op])
        if op == "neg" and args[0].op == "neg":
            return args[0].args[0]
        if op in ("add", "sub") and args[1].op == "neg":
            return self.apply("sub" if op == "add" else "add", args[0], args[1].args[0])
        if op in ("add", "sub") and args[0].op == args[1].op == "mul":  # d * n - d * h = d * (n - h)
            for a, b in ((0, 1), (1, 0)):
                for c, e in ((0, 1), (1, 0)):
                    if args[0].args[a] is args[1].args[c]:
                        return args[0].args[a] * self.apply(op, args[0].args[b], args[1].args[e])
        return self.make(op, *args)


def reachable(roots: Iterable[Node], cut: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """Return every node that the roots depend on, arguments first; the arguments of ``cut`` nodes are left out."""
    found: dict[Node, None] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            if not cut(node):
                stack.extend(node.args)
    return sorted(found, key=lambda node: node.order)
