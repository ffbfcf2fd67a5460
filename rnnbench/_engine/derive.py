"""From a traced step to what is computed forward and back: products gathered into slots, and the adjoint of every node."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from rnnbench._engine.graph import OPERATORS, Graph, Node, reachable

Key = tuple[int, int]
"""Number of a tensor of parameters alone, and of a block of H rows in it."""


class Content(NamedTuple):
    """What a slot sums up: a product of the input, vectors, and products of the slot's arguments, in their order."""

    input: Key | None
    vectors: tuple[Key, ...]
    products: tuple[Key, ...]


def content(slot: Node) -> Content:
    assert isinstance(slot.key, Content)
    return slot.key


def gather(roots: list[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """The same roots with every product and input inside a slot, together with what is added to it and can be accumulated.

    Returns:
        The roots, and what became of every other node that was met.
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
        key = Content(inputs[0] if inputs else None, tuple(vectors), tuple(weights))  # type: ignore[arg-type]  # all are Keys
        return graph.make("slot", *(changed(part.args[0]) for part in products), key=key)

    def changed(node: Node) -> Node:
        if node not in done:
            done[node] = change(node)
        return done[node]

    def change(node: Node) -> Node:
        if node.op in ("product", "input"):
            return slot([node])
        if node.op not in ("add", "sub"):
            return graph.make(node.op, *(changed(arg) for arg in node.args), key=node.key)
        inside: list[Node] = []
        beside: list[tuple[str, Node]] = []
        for sign, term in terms(node):
            alone = uses[term] == 1 and (
                term.op == "product" or (term.op == "input" and all(part.op != "input" for part in inside))
            )
            if sign == "add" and (alone or term.op == "vector"):
                inside.append(term)
            else:
                beside.append((sign, term))
        if all(part.op == "vector" for part in inside):
            return graph.make(node.op, *(changed(arg) for arg in node.args))
        result = slot(inside)
        for sign, term in beside:
            result = graph.apply(sign, result, changed(term))
        return result

    return [changed(root) for root in roots], done


class Adjoints(NamedTuple):
    """What every leaf of the step receives in the backward pass.

    Attributes:
        states: for each part of the state, what is left when products are not counted, or None.
        backs: the node of what comes through products, for each source of products.
        slots: for each slot that the output depends on.
        vectors: for each vector outside the slots.
    """

    states: list[Node | None]
    backs: dict[Node, Node]
    slots: dict[Node, Node]
    vectors: dict[Node, Node]


def derive(graph: Graph, after: list[Node]) -> Adjoints:
    """Adjoints of a step, from those of the state after it."""
    found = Adjoints([None] * len(after), {}, {}, {})
    adjoint: dict[Node, Node] = {}
    sourced: dict[Node, list[Node]] = {}

    def receive(node: Node, amount: Node) -> None:
        adjoint[node] = adjoint[node] + amount if node in adjoint else amount

    for k, node in enumerate(after):
        receive(node, graph.make("adjoint", key=k))
    for node in reversed(reachable(after)):
        if node in sourced:
            found.backs[node] = graph.make("back", *(found.slots[slot] for slot in sourced[node]), key=node.order)
            if node.op != "state":
                receive(node, found.backs[node])
        if node not in adjoint:
            continue
        d = adjoint[node]
        if node.op == "state":
            found.states[int(node.key)] = d  # type: ignore[call-overload]  # a state's key is its number
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
