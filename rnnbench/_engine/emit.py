"""The emitter: a plan becomes the readable source of two numba functions, ``forward`` and ``backward``."""

from __future__ import annotations

import re
from collections import Counter

from rnnbench._engine.graph import COMPARISONS, OPERATORS, Node, reachable
from rnnbench._engine.plan import NUMBERS, Pass, Place, Plan, Product, Statement

HEAD = '''"""{title}

Written by rnnbench._engine from the cell's step; see rnnbench/_engine/README.md.
"""

from rnnbench._engine.intrinsics import *
'''
BINDING = {"add": 3, "sub": 3, "mul": 4, "div": 4, "neg": 5, "and": 2, "or": 2, **dict.fromkeys(COMPARISONS, 1)}
LANES = 16  # float32 numbers in the widest vectors


class Names:
    """The names of a plan's blocks in the emitted code."""

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
        names = self.lists.get(place.array)
        return names[place.block] if names else f"{place.array} {place.block}"


def array(place: Place) -> str:
    """Return the name in the code of the array that holds a block."""
    match place.array:
        case "gates":
            return "now"
        case "adjoints":
            return "now_back"
        case "vectors" | "dvectors" | "row":
            return place.array
    return f"{place.array}_{place.block}"


def _formula(numbers: tuple[int, ...], j: str) -> str | None:
    """Return a formula for number ``j`` if the numbers grow evenly, or in equal periods that do; else None."""
    first, n = numbers[0], len(numbers)
    for run in (run for run in range(1, n + 1) if n % run == 0):
        step = numbers[run] - first if run < n else 0
        if all(number == first + k // run * step for k, number in enumerate(numbers)):
            what = j if run == 1 else f"{j} // {run}"
            scaled = what if step == 1 else f"{what} * {step}"
            return str(first) if step == 0 else scaled if first == 0 else f"{first} + {scaled}"
    for period in (period for period in range(2, n) if n % period == 0):
        step = numbers[period] - first
        if all(number == numbers[k % period] + k // period * step for k, number in enumerate(numbers)):
            inner = _formula(numbers[:period], f"{j} % {period}")
            return inner and inner + (f" + {j} // {period} * {step}" if step else "")
    return None


class Emitter:
    """The lines of a plan's source, as they are written."""

    def __init__(self, plan: Plan, title: str) -> None:
        self.plan, self.names, self.tables = plan, Names(plan), dict[tuple[int, ...], str]()
        self.lines = HEAD.format(title=title).splitlines()

    def number(self, value: float) -> str:
        return NUMBERS[value] if value in NUMBERS else f"number_{self.plan.numbers.index(value)}"

    def size(self, width: int) -> str:
        """Return the code of a number of columns."""
        return "H" if width == self.plan.trace.H else str(width)

    def columns(self, first: int, stop: int) -> str:
        """Return the code of the number of columns of some slots."""
        widths = [slot.width for slot in self.plan.slots[first:stop]]
        whole, rest = widths.count(self.plan.trace.H), sum(width for width in widths if width != self.plan.trace.H)
        return f"{whole} * H" if not rest else f"{whole} * H + {rest}" if whole else str(rest)

    def cell(self, place: Place, column: str = "j") -> str:
        """Return the code of one number of a block, in a loop over rows b and columns j."""
        match place.array:
            case "gates" | "adjoints":
                first = self.columns(0, place.block)
                return f"{array(place)}[b, {f'{first} + {column}' if place.block else column}]"
            case "vectors" | "dvectors" | "row":
                return f"{array(place)}[{place.block}, {column}]"
            case "noise":
                return f"noise_now[b, {sum(self.plan.trace.noise.widths[: place.block])} + {column}]"
        return f"{array(place)}[b, {column}]"

    def entry(self, numbers: tuple[int, ...], j: str = "j") -> str:
        """Return the code of number ``j`` of a tuple: a formula, or an item of a table."""
        return _formula(numbers, j) or f"{self.tables.setdefault(numbers, f'table_{len(self.tables)}')}[{j}]"

    def expression(self, node: Node, known: dict[Node, str], places: dict[Node, Place]) -> tuple[str, int]:
        """Return the code of a node and how strongly it binds."""
        if node in known:
            return known[node], 9
        if node.number is not None:
            return self.number(node.number), 9 if node.number >= 0 else 5
        if node.op == "pick":
            return self.cell(places[node.args[0]], self.entry(tuple(source for (source,) in node.key))), 9
        code = OPERATORS[node.op].code
        binding = BINDING.get(node.op, 9)
        parts = []
        for k, arg in enumerate(node.args):
            text, strength = self.expression(arg, known, places)
            inside = code.endswith(")") or binding == 9
            strict = (k == 1 and node.op in ("sub", "div")) or node.op == "neg" or binding < 3
            parts.append(text if inside or strength > binding or (strength == binding and not strict) else f"({text})")
        return code.format(*parts), binding

    def width(self, place: Place, node: Node) -> int:
        """Return the number of columns of the block that is stored at a place."""
        plan = self.plan
        match place.array:
            case "gates" | "adjoints":
                return plan.slots[place.block].width
            case "after" | "adjoint_before":
                return plan.trace.widths[place.block]
            case "source":
                return plan.sources[place.block].width
            case "dvectors":
                return plan.vectors[place.block].width
        return node.width

    def statement(self, statement: Statement, places: dict[Node, Place]) -> list[str]:
        """Return the loops over a row for one statement."""
        place, root = statement
        own = places.get(root) == place
        stop = {node for node in places if node is not root or not own}
        nodes = reachable([root], cut=stop.__contains__)
        width = self.width(place, root)
        target, note = self.cell(place), f"  # {self.names[place]}"
        if root.op in ("collect", "first") and root not in stop:
            return self.sweep(root, places[root.args[0]], place, note)
        inside = root.args[0].width if root.op == "total" and root not in stop else width

        def loop(count: int) -> str:
            return f"    for j in range({self.size(count)}):"

        known = {
            node: self.cell(places[node], "j" if self.size(node.width) == self.size(inside) else "0")
            for node in nodes
            if node in stop
        }
        uses = Counter(arg for node in nodes if node not in stop and node.op != "pick" for arg in node.args)
        lines = [loop(inside)]
        for node in nodes:
            if uses[node] > 1 and node not in known and node.op != "number":
                name = f"v{sum(text.startswith('v') and text[1:].isdigit() for text in known.values())}"
                lines.append(f"        {name} = {self.expression(node, known, places)[0]}")
                known[node] = name
        if root.op == "total" and root not in known:
            lines = [
                "    total = zero",
                *lines,
                f"        total += {self.expression(root.args[0], known, places)[0]}",
                loop(width),
            ]
            known[root] = "total"
        lines.append(f"        {target} {'+=' if place.adds else '='} {self.expression(root, known, places)[0]}{note}")
        return lines

    def sweep(self, root: Node, source: Place, place: Place, note: str) -> list[str]:
        """Return the loops for an operator that combines several columns of its stored argument."""
        members: tuple[tuple[int, ...], ...] = root.key
        counts = {len(columns) for columns in members}
        flat = tuple(column for columns in members for column in columns)

        if len(counts) == 1:
            count = counts.pop()
            start, stop, at = f"j * {count}", f"j * {count} + {count}", self.entry(flat, "k")
            if all(columns == tuple(range(columns[0], columns[0] + count)) for columns in members):
                start = self.entry(tuple(columns[0] for columns in members))
                start, stop, at = start, f"{start} + {count}", "k"
        else:
            ends = tuple(sum(map(len, members[:k])) for k in range(len(members) + 1))
            start, stop, at = self.entry(ends), self.entry(ends, "(j + 1)"), self.entry(flat, "k")
        head = f"    for j in range({self.size(len(members))}):"
        if root.op == "collect":
            return [
                head, "        total = zero", f"        for k in range({start}, {stop}):",
                f"            total += {self.cell(source, at)}", f"        {self.cell(place)} = total{note}",
            ]  # fmt: skip
        value = self.cell(source, at)
        return [
            head, f"        k = {start}", f"        best, largest = k, {value}", f"        for k in range({start}, {stop}):",
            f"            {self.cell(place, at)} = zero",
            f"            if {value} > largest or ({value} != {value} and largest == largest):",
            f"                best, largest = k, {value}",
            "        k = best", f"        {self.cell(place, at)} = one{note}",
        ]  # fmt: skip

    def phase(self, statements: list[Statement], made: Pass, indent: str) -> list[str]:
        """Return the loops of a phase over the rows of a batch."""
        lines = [line for statement in statements for line in self.statement(statement, made.places)]
        return [indent + line for line in ("for b in range(B):", *lines)] if lines else []

    def sizes(self) -> str:
        """Return the line that reads the sizes; a mask tells LLVM that H is a multiple of whole vectors, and not negative."""
        first, mask = self.names.lists["states"][0], "" if self.plan.trace.H % LANES else f" & {0x7FFFFFFF & -LANES:#x}"
        return f"    T, B, H, dtype = {first}.shape[0] - 1, {first}.shape[1], {first}.shape[2]{mask}, {first}.dtype"

    def constants(self, body: list[str]) -> list[str]:
        """Return the definitions of the numbers that a function's body uses, in its dtype."""
        words = set(re.findall(r"\w+", "\n".join(line.split("#")[0] for line in body)))
        named = [(abs(value), word.removeprefix("-")) for value, word in NUMBERS.items() if value >= 0]
        lines = [f"    {word} = dtype.type({value:g})" for value, word in named if word in words]
        return lines + [f"    number_{k} = numbers[{k}]" for k in range(len(self.plan.numbers)) if f"number_{k}" in words]

    def stacked(self, name: str, count: int) -> list[str]:
        """Return lines that name the blocks of an array."""
        return [f"    {name}_{k} = {name}s[{k}]" for k in range(count)]

    def views(self, views: dict[str, str], body: list[str], indent: str) -> list[str]:
        """Return the definitions of the views of a time step that the body uses."""
        words = set(re.findall(r"\w+", "\n".join(body)))
        return [f"{indent}{name} = {what}" for name, what in views.items() if name in words]

    def source(self, node: Node) -> str:
        """Return the array that holds a product's source at a time step."""
        if node.op == "state":
            return f"before_{node.key}"
        if node in self.plan.after and node not in self.plan.sources:
            return f"after_{self.plan.after.index(node)}"
        return f"source_{self.plan.sources.index(node)}"

    def start(self, product: Product) -> str:
        return self.columns(0, product.first) if product.first else "0 * H"

    def forward(self) -> None:
        plan, states, made = self.plan, self.names.lists["states"], self.plan.forward
        body = ["        begin(products, tokens, t, table, now)"]
        for k, products in enumerate(made.products):
            for p in products:
                given = f"{self.source(p.source)}, 0, {self.size(p.source.width)}, weight_{p.weight}, now, {self.start(p)}"
                body.append(f"        multiply(products, {given}, {self.columns(p.first, p.first + p.width)}, 1)")
            if k < len(made.phases):
                body += self.phase(made.phases[k], made, "        ")
        given = "".join(f", weight_{p.weight}" for p in plan.products) + ", row, blocks"
        given += "".join(f", source_{k}" for k in range(len(plan.sources))) + (", noise" if plan.trace.noise.draws else "")
        self.lines += [
            "", "", "@cached",
            f"def forward(products, tokens, table, gates, vectors, numbers, {', '.join(states)}{given}):",
            self.sizes(),
        ]  # fmt: skip
        self.lines += self.constants(body) + self.stacked("block", made.blocks)
        views = {"now": "gates[t % gates.shape[0]]", "noise_now": "noise[t]"}
        views |= {f"before_{k}": f"{name}[t]" for k, name in enumerate(states)}
        views |= {f"after_{k}": f"{name}[t + 1]" for k, name in enumerate(states)}
        self.lines += ["    for t in range(T):", *self.views(views, body, "        "), *body]

    def backward(self) -> None:
        plan, states, made = self.plan, self.names.lists["states"], self.plan.backward
        adjoints, inside = self.names.lists["adjoint"], "            "
        backs = {node.key: place for node, place in made.places.items() if node.op == "back"}
        written = {statement.place for phase in made.phases for statement in phase}  # blocks that a product is added to
        body = [
            f"{inside}if t >= first:",
            f"{inside}    for b in range(B):",
            f"{inside}        for j in range(H):",
            f"{inside}            adjoint_0[b, j] += grad[t - first, b, j]",
            f"{inside}if limit < inf:",
            f"{inside}    for b in range(B):",
            f"{inside}        for j in range(H):",
            f"{inside}            adjoint_0[b, j] = clamp(adjoint_0[b, j], limit)",
        ]
        for k, products in enumerate(made.products):
            for p in products:
                state = p.source.key if p.source.op == "state" else None
                place = backs[p.source.order] if state is None else Place("adjoint_before", int(state))
                given = f"{self.start(p)}, {self.columns(p.first, p.first + p.width)}, back_weight_{p.weight}, {array(place)}, 0"
                given += f", {self.size(p.source.width)}, {int(place in written)}"
                body.append(f"{inside}multiply(products, now_back, {given})")
                written.add(place)
            if k < len(made.phases):
                body += self.phase(made.phases[k], made, inside)
        body += [
            f"{inside}gather(products, tokens, t, dtable, now_back)",
            f"{inside}if dx.size:",
            f"{inside}    multiply(products, now_back, 0, {self.columns(0, plan.inputs)}, weight_ih, dx[t], 0, dx.shape[2], 0)",
            f"{inside}if truncate > 0 and t > 0 and t % truncate == 0:",
            f"{inside}    for b in range(B):",
        ]
        for k, width in enumerate(plan.trace.widths):
            body += [f"{inside}        for j in range({self.size(width)}):", f"{inside}            adjoint_before_{k}[b, j] = zero"]
        tail = []
        for p in plan.products:
            source, first, span = self.source(p.source), self.start(p), self.columns(p.first, p.first + p.width)
            origin, _, which = source.partition("_")
            name = f"sources_{which}" if origin == "source" else states[int(which)]
            begin = {"source": "0", "before": "start", "after": "start + 1"}[origin]
            tail.append(f"gradient(products, end - start, back, {first}, {span}, {name}, {begin}, dweight_{p.weight}, packed)")
        tail += [
            "if x.size:",
            f"    gradient(products, end - start, back, 0, {self.columns(0, plan.inputs)}, x, start, dweight_ih, packed)",
        ]
        given = "".join(f", back_weight_{p.weight}, dweight_{p.weight}" for p in plan.products)
        more = "".join(f", sources_{k}" for k in range(len(plan.sources))) + (", noise" if plan.trace.noise.draws else "")
        self.lines += [
            "", "", "@cached",
            "def backward(",
            "    products, tokens, dtable, x, weight_ih, dweight_ih, dx, vectors, dvectors, numbers, gates,",
            f"    {', '.join(states)}{given}, grad, {', '.join(adjoints)}, row, blocks, throughs, back, packed,",
            f"    limit, truncate{more},",
            "):",
            self.sizes(),
            "    S, first = back.shape[0], T - grad.shape[0]",
        ]  # fmt: skip
        self.lines += self.constants(body) + self.stacked("block", made.blocks)
        self.lines += [f"    back_{k} = throughs[{k}]" for k in range(len(backs))]
        views = {"now": "gates[t]", "now_back": "back[t - start]", "noise_now": "noise[t]"}
        views |= {f"before_{k}": f"{name}[t]" for k, name in enumerate(states)}
        views |= {f"after_{k}": f"{name}[t + 1]" for k, name in enumerate(states)}
        views |= {f"source_{k}": f"sources_{k}[t - start]" for k in range(len(plan.sources))}
        views |= {f"adjoint_{k}": f"{name}[t % 2]" for k, name in enumerate(adjoints)}
        views |= {f"adjoint_before_{k}": f"{name}[1 - t % 2]" for k, name in enumerate(adjoints)}
        self.lines += [
            "    for end in range(T, 0, -S):",
            "        start = end - S if end > S else 0",
            "        for t in range(end - 1, start - 1, -1):",
            *self.views(views, body, inside),
            *body,
            *(f"        {line}" for line in tail),
        ]


def emit(plan: Plan, title: str) -> str:
    """Return the source of a plan: functions ``forward`` and ``backward``."""
    emitter = Emitter(plan, title)
    emitter.forward()
    emitter.backward()
    tables = [f"{name} = np.array({list(numbers)})" for numbers, name in emitter.tables.items()]
    if tables:
        at = emitter.lines.index("@cached") - 2
        emitter.lines[at:at] = ["", "import numpy as np", "", *tables]
    return "\n".join(emitter.lines) + "\n"
