"""Writes the code of a plan: two functions, forward and back, for numba, to be read by people too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rnnbench.engine.graph import OPERATORS, Node, reachable
from rnnbench.engine.plan import Pass, Place, Plan, Product, Statement

HEAD = '''"""{title}

Written by rnnbench.engine from the cell's step; see rnnbench/engine/README.md.
"""

import numpy as np

from rnnbench.engine.support import *
'''
COMPARISONS = ("gt", "ge", "lt", "le", "eq", "ne")
BINDING = {"add": 3, "sub": 3, "mul": 4, "div": 4, "neg": 5, "and": 2, "or": 2, **dict.fromkeys(COMPARISONS, 1)}
NUMBERS = {-2: "-two", -1: "-one", -0.5: "-half", 0: "zero", 0.5: "half", 1: "one", 2: "two", 3: "three"}


class Names:
    """How the code calls the blocks of a plan."""

    def __init__(self, plan: Plan) -> None:
        names = [name if name.isidentifier() else f"part_{k}" for k, name in enumerate(plan.trace.state_names)]
        named = {plan.forward.places.get(node): name for node, name in plan.gates.items() if name.isidentifier()}
        slots = [named.get(Place("gates", k), f"slot_{k}") for k in range(len(plan.slots))]
        slots = [f"gate_{name}" if name in names else name for name in slots]
        self.lists = {
            "before": [f"{name}_before" for name in names], "after": list(names), "gates": slots,
            "adjoints": [f"d_{name}" for name in slots], "adjoint": [f"d_{name}" for name in names],
            "adjoint_before": [f"d_{name}_before" for name in names],
            "states": [f"{name}_states" for name in names],
        }  # fmt: skip

    def __getitem__(self, place: Place) -> str:
        known = self.lists.get(place.array)
        return known[place.block] if known else f"{place.array} {place.block}"


def cell(place: Place) -> str:
    """One number of a block, in a loop over rows b and columns j. Indexed in full: a view of a row would count references."""
    match place.array:
        case "gates" | "adjoints":
            return f"{place.array}[b, {place.block}, j]"
        case "vectors" | "dvectors" | "row":
            return f"{place.array}[{place.block}, j]"
    return f"{place.array}_{place.block}[b, j]"


class Emitter:
    def __init__(self, plan: Plan, title: str) -> None:
        self.plan, self.names = plan, Names(plan)
        self.lines = HEAD.format(title=title).splitlines()
        self.used: set[float] = set()

    def number(self, value: float) -> str:
        return NUMBERS[value] if value in NUMBERS else f"number_{self.plan.numbers.index(value)}"

    def expression(self, node: Node, known: dict[Node, str]) -> tuple[str, int]:
        """The code of a node and how strongly it binds."""
        if node in known:
            return known[node], 9
        if node.number is not None:
            return self.number(node.number), 9 if node.number >= 0 else 5
        code = OPERATORS[node.op].code
        binding = BINDING.get(node.op, 9)
        parts = []
        for k, arg in enumerate(node.args):
            text, strength = self.expression(arg, known)
            inside = code.endswith(")") or binding == 9
            strict = (k == 1 and node.op in ("sub", "div")) or node.op == "neg" or binding < 3
            parts.append(text if inside or strength > binding or (strength == binding and not strict) else f"({text})")
        return code.format(*parts), binding

    def statement(self, statement: Statement, places: dict[Node, Place]) -> list[str]:
        """The loop over a row for one statement."""
        place, root = statement
        own = places.get(root) == place
        stop = {node for node in places if node is not root or not own}
        nodes = reachable([root], cut=stop.__contains__)
        known = {node: cell(places[node]) for node in nodes if node in stop}
        uses = Counter(arg for node in nodes if node not in stop for arg in node.args)
        lines = ["        for j in range(H):"]
        for node in nodes:
            if uses[node] > 1 and node not in known and node.op != "number":
                name = f"v{sum(text.startswith('v') for text in known.values())}"
                lines.append(f"            {name} = {self.expression(node, known)[0]}")
                known[node] = name
        lines.append(
            f"            {cell(place)} {'+=' if place.adds else '='} {self.expression(root, known)[0]}  # {self.names[place]}"
        )
        return lines

    def phase(self, name: str, statements: list[Statement], made: Pass) -> str:
        """Write the function of a phase; returns how it is called."""
        places: dict[Place, None] = {}
        numbers: set[float] = set()
        body: list[str] = []
        for statement in statements:
            own = made.places.get(statement.node) == statement.place
            stop = {node for node in made.places if not (own and node is statement.node)}
            for node in reachable([statement.node], cut=stop.__contains__):
                if node in stop:
                    places[made.places[node]] = None
                elif node.number is not None:
                    numbers.add(node.number)
            places[statement.place] = None
            body += self.statement(statement, made.places)
        arrays = dict.fromkeys(cell(place).split("[")[0] for place in places)
        arguments = [*arrays, *(("numbers",) if any(n not in NUMBERS for n in numbers) else ())]
        size = next(
            f"{a}.shape[0], {a}.shape[{2 if a in ('gates', 'adjoints') else 1}]"
            for a in arrays
            if a not in ("vectors", "dvectors", "row")
        )
        self.lines += ["", "", "@compiled", f"def {name}({', '.join(arguments)}):", f"    B, H = {size}"]
        kind = next(a for a in arrays)
        words = {abs(n): NUMBERS[abs(n)] for n in numbers if n in NUMBERS}
        for value, word in sorted(words.items()):
            self.lines.append(f"    {word} = {kind}.dtype.type({value:g})")
        for value in sorted(n for n in numbers if n not in NUMBERS):
            self.lines.append(f"    {self.number(value)} = numbers[{self.plan.numbers.index(value)}]")
        self.lines.append("    for b in range(B):")
        self.lines += body
        return f"{name}({', '.join(self.argument(a) for a in arguments)})"

    def argument(self, array: str) -> str:
        """What a phase is given for an array, within the time loop."""
        kind, _, number = array.rpartition("_")
        names = self.names.lists
        match kind:
            case "before":
                return f"{names['states'][int(number)]}[t]"
            case "after":
                return f"{names['states'][int(number)]}[t + 1]"
            case "adjoint":
                return f"{names['adjoint'][int(number)]}[t % 2]"
            case "adjoint_before":
                return f"{names['adjoint'][int(number)]}[1 - t % 2]"
        if array == "gates":
            return f"now.reshape((B, {len(self.plan.slots)}, H))"
        if array == "adjoints":
            return f"now_back.reshape((B, {len(self.plan.slots)}, H))"
        return array

    def source(self, node: Node, time: str) -> str:
        """The array of a product's source at ``time`` (``t`` or a range of steps), in the states or apart."""
        if node.op == "state":
            return f"{self.names.lists['states'][int(node.key)]}[{time}]"  # type: ignore[call-overload]
        if node in self.plan.after and node not in self.plan.sources:
            later = "start + 1 : end + 1" if ":" in time else f"{time} + 1"
            return f"{self.names.lists['states'][self.plan.after.index(node)]}[{later}]"
        k = self.plan.sources.index(node)
        return f"source_{k}"

    def columns(self, product: Product) -> str:
        if product.width == len(self.plan.slots):
            return ""
        return f"[:, {product.first} * H : {product.first + product.width} * H]"

    def room(self, made: Pass, names: Iterable[str]) -> list[str]:
        found = [f"    row = np.empty(({made.rows}, H), dtype)"] if made.rows else []
        return found + [f"    {name} = np.empty((B, H), dtype)" for name in [*(f"block_{k}" for k in range(made.blocks)), *names]]

    def forward(self) -> None:
        plan, states = self.plan, ", ".join(self.names.lists["states"])
        calls = [
            self.phase(f"forward_{k}", statements, plan.forward) if statements else ""
            for k, statements in enumerate(plan.forward.phases)
        ]
        given = "".join(f", weight_{product.weight}" for product in plan.products)
        h = self.names.lists["states"][0]
        self.lines += ["", "", "@cached", f"def forward(blas, tokens, table, gates, vectors, numbers, {states}{given}, keep):"]
        self.lines += [f"    T, B, H, dtype = {h}.shape[0] - 1, {h}.shape[1], {h}.shape[2], {h}.dtype", "    one = dtype.type(1)"]
        for product in plan.products:
            self.lines.append(f"    packed_{product.weight} = packed(blas, weight_{product.weight})")
        self.lines += self.room(plan.forward, [f"source_{k}" for k in range(len(plan.sources))])
        self.lines += [
            "    for t in range(T):",
            "        now = gates[t if keep or not tokens.size else 0]",
            "        input_step(tokens, table, now, t)",
        ]
        for products, call in zip(plan.forward.products, [*calls, ""], strict=True):
            for p in products:
                target = f"now{self.columns(p)}"
                self.lines.append(
                    f"        product(blas, {self.source(p.source, 't')}, packed_{p.weight}, {p.width} * H, {target}, one)"
                )
            if call:
                self.lines.append(f"        {call}")

    def backward(self) -> None:
        plan, names = self.plan, self.names.lists
        states, adjoints = ", ".join(names["states"]), ", ".join(names["adjoint"])
        made = plan.backward
        calls = [self.phase(f"backward_{k}", statements, made) if statements else "" for k, statements in enumerate(made.phases)]
        given = "".join(f", weight_{p.weight}, dweight_{p.weight}" for p in plan.products)
        orders = {product.source.order for product in plan.products if product.source.op != "state"}
        backs = [place.block for node, place in made.places.items() if node.op == "back" and node.key in orders]
        h, G = names["states"][0], len(plan.slots)
        self.lines += [
            "", "", "@cached",
            "def backward(",
            "    blas, tokens, dtable, x, weight_ih, dweight_ih, dx, vectors, dvectors, numbers, gates,",
            f"    {states}{given}, grad, {adjoints}, S,",
            "):",
            f"    T, B, H, dtype = {h}.shape[0] - 1, {h}.shape[1], {h}.shape[2], {h}.dtype",
            "    zero, one, first = dtype.type(0), dtype.type(1), T - grad.shape[0]",
            f"    back = np.empty((S, B, {G} * H), dtype)",
        ]  # fmt: skip
        for p in plan.products:
            self.lines.append(f"    packed_{p.weight} = packed(blas, weight_{p.weight})")
        self.lines += self.room(made, [f"back_{k}" for k in backs])
        self.lines += [f"    sources_{k} = np.empty((S, B, H), dtype)" for k in range(len(plan.sources))]
        self.lines += [
            "    for end in range(T, 0, -S):",
            "        start = max(0, end - S)",
            "        for t in range(end - 1, start - 1, -1):",
            "            now_back = back[t - start]",
        ]
        if plan.keeps:
            self.lines.append("            now = gates[t]")
        self.lines += [f"            source_{k} = sources_{k}[t - start]" for k in range(len(plan.sources))]
        d_h = names["adjoint"][0]
        self.lines += ["            if t >= first:", f"                add({d_h}[t % 2].reshape(-1), grad[t - first].reshape(-1))"]
        for products, call in zip(made.products, [*calls, ""], strict=True):
            begun: set[Node] = set()
            for p in products:
                if p.source.op == "state":
                    k = int(p.source.key)  # type: ignore[call-overload]
                    target = f"{names['adjoint'][k]}[1 - t % 2]"
                    written = p.source in begun or any(
                        s.place == Place("adjoint_before", k) for phase in made.phases for s in phase
                    )
                else:
                    back = next(place for node, place in made.places.items() if node.op == "back" and node.key == p.source.order)
                    target = f"back_{back.block}"
                    written = p.source in begun
                begun.add(p.source)
                columns, weight, kept = self.columns(p), f"packed_{p.weight}", "one" if written else "zero"
                self.lines.append(f"            product(blas, now_back{columns}, {weight}, H, {target}, {kept})")
            if call:
                self.lines.append(f"            {call}")
        self.lines += ["            input_step_back(tokens, dtable, now_back, t)", "        block = flat(back[: end - start])"]
        for p in plan.products:
            source = self.source(p.source, "start:end")
            if source.startswith("source_"):
                source = f"{source.replace('source', 'sources')}[: end - start]"
            self.lines.append(f"        weight_gradient(blas, block{self.columns(p)}, flat({source}), dweight_{p.weight})")
        columns = "" if plan.inputs == G else f"[:, : {plan.inputs} * H]"
        self.lines += [
            "        if x.size:",
            f"            input_block_back(blas, block{columns}, flat(x[start:end]), weight_ih, dweight_ih, flat(dx[start:end]))",
        ]


def emit(plan: Plan, title: str) -> str:
    """The source of a plan: functions ``forward`` and ``backward``."""
    emitter = Emitter(plan, title)
    emitter.forward()
    emitter.backward()
    return "\n".join(emitter.lines) + "\n"
