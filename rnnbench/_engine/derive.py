"""Slots and adjoints of a traced step: products are gathered into sums, and every node is differentiated."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from rnnbench._engine.graph import OPERATORS, Graph, Node, reachable


class Key(NamedTuple):
    """Rows ``start`` to ``stop`` of tensor number ``tensor`` computed from parameters only."""

    tensor: int
    start: int
    stop: int


class Content(NamedTuple):
    """The terms of a slot: a product of the input, vectors, and products of the slot's arguments, in their order."""

    input: Key | None
    vectors: tuple[Key, ...]
    products: tuple[Key, ...]


def content(slot: Node) -> Content:
    assert isinstance(slot.key, Content)
    return slot.key


def gather_slots(roots: list[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """Move every product and input into a slot, together with the terms that can be accumulated there.

    Returns:
        The new roots, and the new node of every node that was visited.
    """
    graph = roots[0].graph
    uses = Counter(arg for node in reachable(roots) for arg in node.args) + Counter(roots)
    done: dict[Node, Node] = {}

    def terms(node: Node, top: bool = True) -> list[tuple[str, Node]]:
        if not (node.op in ("add", "sub") and (top or uses[node] == 1)):
            return [("add", node)]
        left, right = node.args
        return terms(left, False) + (terms(right, False) if node.op == "add" else [("sub", right)])

    def slot(parts: list[Node]) -> Node:
        products = [part for part in parts if part.op == "product"]
        inputs = [part.key for part in parts if part.op == "input"]
        vectors = [part.key for part in parts if part.op == "vector"]
        weights = [part.key for part in products]
        key = Content(inputs[0] if inputs else None, tuple(vectors), tuple(weights))
        return graph.make("slot", *(changed(part.args[0]) for part in products), key=key, width=parts[0].width)

    def changed(node: Node) -> Node:
        if node not in done:
            done[node] = change(node)
        return done[node]

    def change(node: Node) -> Node:
        if node.op in ("product", "input"):
            return slot([node])
        if node.op not in ("add", "sub"):
            return graph.make(node.op, *(changed(arg) for arg in node.args), key=node.key, width=node.width)
        inside: list[Node] = []
        outside: list[tuple[str, Node]] = []
        for sign, term in terms(node):
            movable = uses[term] == 1 and (
                term.op == "product" or (term.op == "input" and all(part.op != "input" for part in inside))
            )
            if sign == "add" and term.width == node.width and (movable or term.op == "vector"):
                inside.append(term)
            else:
                outside.append((sign, term))
        if all(part.op == "vector" for part in inside):
            return graph.make(node.op, *(changed(arg) for arg in node.args))
        result = slot(inside)
        for sign, term in outside:
            result = graph.apply(sign, result, changed(term))
        return result

    return [changed(root) for root in roots], done


class Adjoints(NamedTuple):
    """The adjoints of a step's leaves.

    Attributes:
        states: for each part of the state, its adjoint without the part through products, or None.
        backs: for each source of products, the node of its adjoint through products.
        slots: for each slot that the output depends on, its adjoint.
        vectors: for each vector outside the slots, its adjoint.
    """

    states: list[Node | None]
    backs: dict[Node, Node]
    slots: dict[Node, Node]
    vectors: dict[Node, Node]


def derive(graph: Graph, after: list[Node], widths: list[int]) -> Adjoints:
    """Compute the adjoints of a step from those of the state after it, whose parts have these widths."""
    found = Adjoints([None] * len(after), {}, {}, {})
    adjoint: dict[Node, Node] = {}
    sourced: dict[Node, list[Node]] = {}

    def receive(node: Node, amount: Node) -> None:
        if node.width < amount.width:  # a column that was broadcast
            amount = graph.make("total", amount, width=1)
        adjoint[node] = adjoint[node] + amount if node in adjoint else amount

    for k, node in enumerate(after):
        receive(node, graph.make("adjoint", key=k, width=widths[k]))
    for node in reversed(reachable(after)):
        if node in sourced:
            found.backs[node] = graph.make("back", *(found.slots[slot] for slot in sourced[node]), key=node.order, width=node.width)
            if node.op != "state":
                receive(node, found.backs[node])
        if node not in adjoint:
            continue
        d = adjoint[node]
        if node.op == "state":
            found.states[int(node.key)] = d
        elif node.op == "vector":
            found.vectors[node] = d
        elif node.op == "slot":
            found.slots[node] = d
            for source in dict.fromkeys(arg for arg in node.args if arg.op != "number"):
                sourced.setdefault(source, []).append(node)
        elif node.op in OPERATORS:
            for arg, amount in zip(node.args, OPERATORS[node.op].slopes(d, node, *node.args), strict=True):
                if amount is not None and arg.op != "number":
                    receive(arg, amount)
    return found
