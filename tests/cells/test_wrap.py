"""Tests of the adapter: any module of PyTorch as a cell or a sequence model."""

import functools
import importlib.metadata
import re
import runpy
import warnings
from pathlib import Path

import pytest
import torch
import torchrecurrent
from minGRU_pytorch import minGRU
from torch import nn

from rnnbench import _engine
from rnnbench._api import load_runs, sweep
from rnnbench._cell import InitContext
from rnnbench._errors import UserError
from rnnbench._network.initializers import initialise
from rnnbench._plugins import registry
from rnnbench._plugins.source import digest_of, source_of_class
from rnnbench._training.model import stream
from rnnbench.cells import Cell, SequenceModel, wrap
from rnnbench.testing import cell_findings

ROOT = Path(__file__).parents[2]
D, H, T, B = 5, 8, 7, 3


class Optional(nn.Module):
    """A cell whose state is optional, and which accepts inputs of any number of axes."""

    def __init__(self, inputs, units, rate: float = 0.5):
        super().__init__()
        self.rate, self.new = rate, nn.Linear(inputs + units, units)

    def forward(self, x, h=None):
        h = x.new_zeros(*x.shape[:-1], self.new.out_features) if h is None else h
        return (1 - self.rate) * h + self.rate * torch.tanh(self.new(torch.cat([x, h], -1)))


class Separate(nn.Module):
    """A cell that requires a state, and whose output is not a part of it."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inner = nn.LSTMCell(inputs, units)

    def forward(self, x, state):
        h, c = self.inner(x, state)
        return 2 * h, [h, c]


class Convolution(nn.Module):
    """A causal convolution over (B, T, D)."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inner = nn.Conv1d(inputs, units, 3)

    def forward(self, x):
        return self.inner(nn.functional.pad(x.transpose(1, 2), (2, 0))).transpose(1, 2)


class Masked(nn.Module):
    """A cell with a frozen parameter."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inner, self.mask = nn.RNNCell(inputs, units), nn.Parameter(torch.ones(units), requires_grad=False)

    def forward(self, x, h=None):
        return self.mask * self.inner(x, h)


class Fading(nn.Module):
    """A cell that starts from a state of ones."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inner = nn.RNNCell(inputs, units)

    def forward(self, x, h=None):
        return self.inner(x, torch.ones(len(x), self.inner.hidden_size) if h is None else h)


def three_layers(inputs, units):
    return nn.GRU(inputs, units, 3, batch_first=True)


def stepped(module, x):
    """Run a cell of torch.nn's signature over a sequence."""
    state, outputs = None, []
    for row in x:
        state = module(row, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(outputs)


def separate_steps(module, x):
    state, outputs = (torch.zeros(B, H), torch.zeros(B, H)), []
    for row in x:
        out, state = module(row, state)
        outputs.append(out)
    return torch.stack(outputs)


def batch_first(module, x):
    result = module(x.transpose(0, 1))
    return (result[0] if isinstance(result, tuple) else result).transpose(0, 1)


MODULES = {
    "rnn cell": (nn.RNNCell, Cell, stepped),
    "lstm cell": (nn.LSTMCell, Cell, stepped),
    "gru cell": (nn.GRUCell, Cell, stepped),
    "optional state": (Optional, Cell, stepped),
    "separate output": (Separate, Cell, separate_steps),
    "frozen parameter": (Masked, Cell, stepped),
    "torchrecurrent": (torchrecurrent.UGRNNCell, Cell, stepped),
    "state as wide as the input": (torchrecurrent.TGRUCell, Cell, stepped),
    "lstm": (nn.LSTM, SequenceModel, lambda module, x: module(x)[0]),
    "function, three layers": (three_layers, SequenceModel, batch_first),
    "batch first": (Convolution, SequenceModel, batch_first),
    "without memory": (nn.Linear, SequenceModel, lambda module, x: module(x)),
}


@pytest.mark.parametrize(("module", "base", "reference"), MODULES.values(), ids=MODULES)
def test_a_wrapped_module_computes_what_the_module_computes(module, base, reference) -> None:
    cls = wrap(module)
    layer = cls(D, H).eval()
    x = torch.randn(T, B, D, generator=stream(0, "test"))
    assert issubclass(cls, base)
    assert torch.allclose(layer.states(x), reference(layer.module, x), atol=1e-6)
    assert not [finding.message for finding in cell_findings(cls) if finding.fails]


@pytest.mark.parametrize("name", [name for name in dir(torchrecurrent) if name.endswith("Cell")])
def test_every_cell_of_torchrecurrent_is_wrapped_and_compiled(name: str) -> None:
    cls = registry.CELLS.find(f"torchrecurrent:{name}").cls
    layer = registry.make_cell(cls, D, H)
    assert layer.states(torch.zeros(2, B, D)).shape == (2, B, H)
    assert cls.name == f"torchrecurrent.{name.lower()}"
    assert _engine.refusal(layer) is None
    assert cls.protocol.project == (name == "IntersectionRNNCell")  # its inputs are as wide as its state


def test_a_module_of_one_size_gets_a_linear_layer() -> None:
    layer = wrap(minGRU)(D, H)
    x = torch.randn(T, B, D, generator=stream(0, "test"))
    assert torch.allclose(layer.states(x), batch_first(layer.module, layer.input_layer(x)), atol=1e-6)
    notes = [finding.message for finding in cell_findings(wrap(minGRU)) if finding.check == "adapter"]
    assert notes[0] == "a linear layer leads from the inputs to minGRU"


def test_what_is_unknown_is_stated_until_the_call_says_it() -> None:
    def notes(cls) -> str:
        return "; ".join(finding.message for finding in cell_findings(cls) if finding.check == "adapter")

    assert all(word in notes(wrap(torchrecurrent.UGRNNCell)) for word in ("forget_signs", "uninitialized", "gates"))
    known = wrap(
        torchrecurrent.UGRNNCell,
        forget_signs={"bias_ih[1]": 1},
        uninitialized="*",
        gates=lambda module, x, h: {"g": torch.sigmoid((x @ module.weight_ih.T + h @ module.weight_hh.T)[:, H:])},
        keep=lambda gates: gates["g"],
    )
    assert notes(known) == ""
    state, gates = known(D, H).step(torch.zeros(B, D), (torch.zeros(B, H),))
    assert (len(state), gates["g"].shape) == (1, (B, H))
    assert torch.equal(known(D, H).keep(gates), gates["g"])


@pytest.mark.parametrize(
    ("module", "signs", "where"),
    [
        (torchrecurrent.UGRNNCell, {"bias_ih[1]": 1}, {"bias_ih": slice(H, 2 * H)}),
        (torchrecurrent.MGUCell, {"bias_ih": -1}, {"bias_ih": slice(0, H)}),
        (nn.LSTMCell, None, {"bias_ih": slice(0, 2 * H)}),
        (nn.GRU, None, {"bias_ih_l0": slice(H, 2 * H), "bias_ih_l1": slice(H, 2 * H)}),
    ],
    ids=["ugrnn", "mgu", "lstm cell", "two layers"],
)
def test_chrono_sets_the_named_biases_and_no_other(module, signs, where) -> None:
    options = {"num_layers": 2} if len(where) == 2 else {}
    cls = wrap(module, forget_signs=signs, **options)
    layer, before = cls(D, H), cls(D, H)
    before.load_state_dict(layer.state_dict())
    context = InitContext(stream(0, "init"), 10, 100.0)
    initialise(layer, "chrono", context)
    assert cls.default_init == "chrono"
    for name, parameter in layer.module.named_parameters():
        if "bias" not in name:
            assert torch.equal(parameter, before.module.get_parameter(name)), name
            continue
        rows = torch.zeros(len(parameter), dtype=torch.bool)
        rows[where.get(name, slice(0, 0))] = True
        assert bool((parameter[rows].abs() > 0).all() and not parameter[~rows].any()), name
    if module is nn.LSTMCell:
        assert torch.equal(layer.module.bias_ih[:H], -layer.module.bias_ih[H : 2 * H])
    initialise(layer, "forget-bias", context)
    values = {value for parameter in layer.module.parameters() for value in parameter.flatten().tolist() if parameter.ndim == 1}
    assert values == {0.0, float(signs["bias_ih"] if signs and "bias_ih" in signs else 1)}


def test_open_parameters_are_filled_by_the_initialisation() -> None:
    cls = wrap(nn.RNNCell, uninitialized="*")
    layer = cls(D, H)
    initialise(layer, "orthogonal", InitContext(stream(0, "init"), 10, 100.0))
    weight = layer.module.weight_hh
    assert torch.allclose(weight @ weight.T, torch.eye(H), atol=1e-5)
    assert wrap(nn.RNNCell, uninitialized=("bias_*",))(D, H).uninitialized == ["module.bias_ih", "module.bias_hh"]


def test_parameters_of_simple_types_are_options() -> None:
    options = registry.make_cell(wrap(nn.LSTM, num_layers=2), D, H, {"bias": "false"})
    assert (options.module.num_layers, options.module.bias) == (2, False)
    assert registry.make_cell(wrap(Optional), D, H, {"rate": "0.25"}).module.rate == 0.25
    with pytest.raises(UserError, match="no option 'rte': did you mean 'rate'"):
        registry.make_cell(wrap(Optional), D, H, {"rte": 1})


def test_the_identity_of_a_run_covers_the_package_the_source_and_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def identity(cls) -> str:
        return digest_of(source_of_class(cls))

    ugrnn = torchrecurrent.UGRNNCell
    known = [identity(wrap(ugrnn)), identity(wrap(ugrnn, forget_signs={"bias_ih[1]": 1})), identity(wrap(ugrnn, bias=False))]
    assert identity(wrap(ugrnn)) == known[0]
    assert wrap(ugrnn).summary == f"UGRNNCell of torchrecurrent=={importlib.metadata.version('torchrecurrent')}"
    monkeypatch.setattr("rnnbench._plugins.source.version", lambda name: "99")
    assert len({*known, identity(wrap(ugrnn))}) == 4, "another version of the package"
    instance = nn.GRUCell(D, H)
    before = identity(wrap(instance))
    instance.weight_hh.data += 1
    assert identity(wrap(instance)) != before
    partial = functools.partial(nn.GRU, num_layers=2)
    assert identity(wrap(partial)) != identity(wrap(functools.partial(nn.GRU, num_layers=3)))
    assert "self.new(torch.cat" in source_of_class(wrap(Optional)).decode()
    assert b"nn.GRU(inputs, units, 3" in source_of_class(wrap(three_layers))


def test_an_instance_keeps_its_sizes_and_weights() -> None:
    instance = nn.GRUCell(D, H)
    layer = wrap(instance, forget_signs={})(D, H)
    assert torch.equal(layer.module.weight_hh, instance.weight_hh)
    assert layer.module is not instance
    with pytest.raises(UserError, match="this GRUCell has 5 inputs and 8 units, not 6 and 8"):
        registry.make_cell(wrap(instance), 6, H)


REFUSED = {
    "not a module": (lambda: wrap(dict), "wrap takes a class of torch.nn.Module"),
    "not a type of option": (lambda: wrap(nn.GRU, act=torch.tanh), "act is a builtin_function_or_method; set it in a function"),
    "other sizes": (lambda: wrap(nn.Dropout), "Dropout cannot be built for 6 inputs and 16 units"),
    "wrong shape": (lambda: wrap(lambda D, H: nn.Linear(D, 2 * H)), "neither a cell .* are .* instead of"),
    "starts from ones": (lambda: wrap(Fading), "starts from a state that is not zero"),
    "no such parameter": (lambda: wrap(nn.GRUCell, forget_signs={"bias_in[1]": 1}), "GRUCell has no parameter 'bias_in'"),
    "no sign": (lambda: wrap(nn.GRUCell, forget_signs={"bias_ih[1]": 2}), "forget_signs must be 1 or -1, not 2"),
    "gates of a sequence": (lambda: wrap(nn.GRU, gates=lambda *_: {}), "leave out gates and keep"),
    "instance without sizes": (lambda: wrap(nn.Linear(3, 4)), "has no input_size and hidden_size"),
    "module not installed": (lambda: registry.CELLS.find("nosuch.thing:Cell"), "cannot import nosuch.thing"),
    "options of an instance": (lambda: wrap(nn.GRUCell(3, 4), bias=False), "is built already: leave out bias"),
    "no such class": (lambda: registry.CELLS.find("torch.nn:GRUCel"), "torch.nn has no GRUCel: did you mean 'GRUCell'"),
    "not a class": (lambda: registry.CELLS.find("torch.nn:init"), "must be a subclass of rnnbench.cells.Cell"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_wrapped_is_refused_in_one_sentence(call, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call()


SMALL = ("--task", "beijing", "--gap", "2", "--hidden-size", "8", "--max-steps", "4", "--eval-every", "2")


def test_commands_take_package_module_and_class(rnnbench, tmp_path: Path) -> None:
    Path("modules.py").write_text(
        "from torch import nn\n\nclass Mine(nn.Module):\n    def __init__(self, D, H):\n        super().__init__()\n"
        "        self.inner = nn.GRUCell(D, H)\n\n    def forward(self, x, h):\n        return self.inner(x, h)\n"
    )
    checked = rnnbench("check", "modules:Mine", "torch.nn:LSTM")
    assert (checked.code, checked.out.count("keeps its contract")) == (0, 2), checked.out
    for cell in ("torchrecurrent:UGRNNCell", "modules:Mine"):
        assert rnnbench("run", "--cell", cell, *SMALL, "--out", "study").code == 0
    assert sorted(load_runs("study")["cell"]) == ["mine", "torchrecurrent.ugrnncell"]
    rnnbench("run", "--cell", "torch.nn:Linea", *SMALL).refused("torch.nn has no Linea: did you mean 'Linear'?")


def test_a_wrapped_class_reaches_other_processes(tmp_path: Path) -> None:
    cells = [wrap(Optional, name="one"), wrap(torchrecurrent.MGUCell, forget_signs={"bias_ih": -1})]
    study = sweep(
        cell=cells, task="beijing", gap=2, hidden_size=8, max_steps=4, eval_every=2, jobs=1, out=tmp_path / "s", progress=False
    )
    assert sorted(study.runs()["init"]) == ["chrono", "own"]


def test_the_page_about_adapters_can_be_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adapters.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.py").write_text("\n".join(pieces))  # the source of a lambda is part of the identity
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # whole-sequence models run on torch
        runpy.run_path("page.py")
