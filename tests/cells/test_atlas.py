"""The other cells against independent implementations: published packages where they follow the paper, else NumPy."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
import torchrecurrent
from minGRU_pytorch.minGRU import minGRU
from torch import Generator, Tensor

from rnnbench._cell import Cell, InitContext, Layer
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._network.initializers import initialise
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import build

D, H, T, B = 5, 8, 9, 3


def layer_of(name: str, **options: float) -> Layer:
    """Return a float64 layer whose uninitialized parameters are standard normal."""
    layer = registry.make_cell(name, D, H, options).double()
    generator = Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.uninitialized_parameters().values():
            parameter.normal_(generator=generator)
    return layer


def cell_of(name: str, **options: float) -> Cell:
    cell = layer_of(name, **options)
    assert isinstance(cell, Cell)
    return cell


def values(steps: int = T) -> Tensor:
    return torch.randn(steps, B, D, generator=Generator().manual_seed(2), dtype=torch.float64)


def arrays(layer: Layer) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in layer.state_dict().items()}


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def positive(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0) + np.minimum(sigmoid(a), 0.5)


def close(cell: Layer, outputs: list[np.ndarray]) -> None:
    torch.testing.assert_close(cell.states(values()).detach(), torch.from_numpy(np.stack(outputs)))


@pytest.mark.parametrize(
    ("name", "theirs", "swap"),
    [
        *[("janet", "JANETCell", False), ("ugrnn", "UGRNNCell", True), ("mgu", "MGUCell", False), ("indrnn", "IndRNNCell", False)],
        ("nbrc", "NBRCell", False),
    ],
)
def test_step_equals_torchrecurrent(name: str, theirs: str, swap: bool) -> None:
    """``swap``: torchrecurrent stacks the candidate before the gate."""
    cell = cell_of(name)
    extra = {"nonlinearity": "relu"} if name == "indrnn" else {}
    oracle = getattr(torchrecurrent, theirs)(D, H, **extra).double()

    def ordered(weight: Tensor) -> Tensor:
        return torch.cat(weight.chunk(2)[::-1]) if swap else weight

    with torch.no_grad():
        oracle.weight_ih.copy_(ordered(cell.weight_ih))
        oracle.bias_ih.copy_(ordered(cell.bias))
        oracle.bias_hh.zero_()
        if name == "indrnn":
            oracle.vector_u.copy_(cell.u)
        else:
            oracle.weight_hh.copy_(ordered(cell.weight_hh))
    state = torch.zeros(B, H, dtype=torch.float64)
    expected = []
    for x in values():  # (B, D)
        state = oracle(x, (state, state) if name == "janet" else state)
        state = state[0] if isinstance(state, tuple) else state
        expected.append(state)
    torch.testing.assert_close(cell.states(values()), torch.stack(expected))


def test_cornn_equals_torchrecurrent() -> None:
    cell = cell_of("cornn")
    oracle = torchrecurrent.coRNNCell(D, H, dt=0.06, gamma=66.0, epsilon=15.0).double()
    with torch.no_grad():
        for ours, theirs in (
            ("weight_ih", "weight_ih"),
            ("weight_hh", "weight_hh"),
            ("weight_zh", "weight_ch"),
            ("bias", "bias_ih"),
        ):
            getattr(oracle, theirs).copy_(getattr(cell, ours))
        oracle.bias_hh.zero_()
        oracle.bias_ch.zero_()
    h = z = torch.zeros(B, H, dtype=torch.float64)
    expected = []
    for x in values():  # (B, D)
        h, z = oracle(x, (h, z))
        expected.append(h)
    torch.testing.assert_close(cell.states(values()), torch.stack(expected))


def test_mingru_equals_its_parallel_form() -> None:
    """minGRU_pytorch computes all steps in parallel, in log space, as wide as its input and without a bias."""
    cell = registry.make_cell("mingru", H, H, {}).double()
    assert isinstance(cell, Cell)
    oracle = minGRU(H).double()
    with torch.no_grad():
        candidate, gate = oracle.to_hidden_and_gate.weight.chunk(2)
        cell.weight_ih.copy_(torch.cat((gate, candidate)))
    x = torch.randn(T, B, H, generator=Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(cell.states(x), oracle(x.transpose(0, 1)).transpose(0, 1))


Arrays = dict[str, np.ndarray]


def minlstm(p: Arrays, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
    f, i, c = np.split(x @ p["weight_ih"].T + p["bias"], 3, axis=1)
    f, i = sigmoid(f), sigmoid(i)
    return (f / (f + i) * h + i / (f + i) * positive(c),)


def irnn(p: Arrays, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
    return (np.maximum(x @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"], 0),)


def lem(p: Arrays, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, ...]:
    W, b, U = np.split(p["weight_ih"], 4), np.split(p["bias"], 4), np.split(p["weight_hh"], 3)
    d = 0.7 * sigmoid(x @ W[0].T + y @ U[0].T + b[0])
    e = 0.7 * sigmoid(x @ W[1].T + y @ U[1].T + b[1])
    z = (1 - d) * z + d * np.tanh(x @ W[2].T + y @ U[2].T + b[2])
    return (1 - e) * y + e * np.tanh(x @ W[3].T + z @ p["weight_zy"].T + b[3]), z  # the new z


def slstm(p: Arrays, x: np.ndarray, h: np.ndarray, c: np.ndarray, n: np.ndarray, *_: np.ndarray) -> tuple[np.ndarray, ...]:
    """Compute a step without the stabiliser."""
    i, f, z, o = np.split(x @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"], 4, axis=1)
    c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
    n = sigmoid(f) * n + np.exp(i)
    return sigmoid(o) * c / n, c, n


def esn(p: Arrays, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
    return (0.7 * h + 0.3 * np.tanh(x @ p["weight_ih"].T + h @ p["weight_hh"].T),)


def mamba(p: Arrays, x: np.ndarray, _: np.ndarray, S: np.ndarray) -> tuple[np.ndarray, ...]:
    u, delta = x @ p["weight_ih"].T, np.log1p(np.exp(x @ p["weight_step"].T + p["bias_step"]))
    write, read = x @ p["weight_in"].T, x @ p["weight_out"].T
    S = np.exp(np.einsum("bh,hn->bhn", delta, -np.exp(p["log_A"]))) * S + np.einsum("bh,bh,bn->bhn", delta, u, write)
    return np.einsum("bhn,bn->bh", S, read) + p["D"] * u, S


def deltanet(p: Arrays, x: np.ndarray, _: np.ndarray, S: np.ndarray, largest: int = 1) -> tuple[np.ndarray, ...]:
    def unit(a: np.ndarray) -> np.ndarray:
        a = (a * sigmoid(a)).reshape(B, 2, 3)
        return a / np.linalg.norm(a, axis=2, keepdims=True)

    q, k, v = unit(x @ p["weight_q"].T), unit(x @ p["weight_k"].T), x @ p["weight_v"].T
    v = (v * sigmoid(v)).reshape(B, 2, 4)
    a = np.exp(-np.exp(p["log_A"]) * np.log1p(np.exp(x @ p["weight_a"].T + p["bias_a"])))
    b = largest * sigmoid(x @ p["weight_b"].T)
    erase = np.eye(3) - np.einsum("bh,bhi,bhj->bhij", b, k, k)
    S = np.einsum("bh,bhij,bhjv->bhiv", a, erase, S) + np.einsum("bh,bhk,bhv->bhkv", b, k, v)
    return np.einsum("bhkv,bhk->bhv", S, q).reshape(B, H), S


@pytest.mark.parametrize(
    ("equations", "options"),
    [
        (minlstm, {}),
        (irnn, {}),
        (lem, {"dt": 0.7}),
        (slstm, {}),
        (esn, {"leak": 0.3}),
        (mamba, {"states": 4}),
        (deltanet, {"heads": 2, "keys": 3}),
        (partial(deltanet, largest=2), {"heads": 2, "keys": 3, "negative": True}),
    ],
)
def test_step_follows_the_paper(equations: Callable[..., tuple[np.ndarray, ...]], options: dict[str, float]) -> None:
    """``equations`` maps parameters, input and the state of zeros, whose first part is the output, to the next state."""
    cell = cell_of(getattr(equations, "func", equations).__name__, **options)
    state = tuple(np.zeros((B, *part.shape)) for part in cell.initial_state)
    outputs = []
    for x in values().numpy():
        state = equations(arrays(cell), x, *state)
        outputs.append(state[0])
    close(cell, outputs)


def test_exprnn_follows_the_paper() -> None:
    cell = cell_of("exprnn")
    with torch.no_grad():
        cell.bias.uniform_(-0.5, 0.5, generator=Generator().manual_seed(4))  # both signs of modrelu's threshold
        cell.get_parameter("recurrent.parametrizations.weight.original").normal_(generator=Generator().manual_seed(3))
    p, h, outputs = arrays(cell), np.zeros((B, H)), []
    upper = np.triu(p["recurrent.parametrizations.weight.original"], 1)
    eigenvalues, vectors = np.linalg.eig(upper - upper.T)
    Q = (vectors @ np.diag(np.exp(eigenvalues)) @ np.linalg.inv(vectors)).real
    np.testing.assert_allclose(Q @ Q.T, np.eye(H), atol=1e-12)
    for x in values().numpy():
        z = x @ p["weight_ih"].T + h @ Q.T
        h = np.sign(z) * np.maximum(np.abs(z) + p["bias"], 0)
        outputs.append(h)
    close(cell, outputs)


def test_lru_in_complex_numbers() -> None:
    cell = registry.make_cell("lru", D, H, {})
    initialise(cell, "ring", InitContext(Generator().manual_seed(1), 20, 200.0))
    cell.double()
    p, outputs, s = arrays(cell), [], np.zeros((B, H), dtype=complex)
    eigenvalues = np.exp(-np.exp(p["nu"]) + 1j * p["theta"])
    inputs = p["B"][:H] + 1j * p["B"][H:]
    readout = p["C"][:H] + 1j * p["C"][H:]
    for x in values().numpy():
        s = eigenvalues * s + np.exp(p["log_gamma"]) * (x @ inputs.T)
        outputs.append((s @ readout.T).real + x @ p["D"].T)
    close(cell, outputs)
    assert np.abs(eigenvalues).min() >= 0.9 - 1e-6
    assert np.abs(eigenvalues).max() <= math.exp(-1 / 200)
    np.testing.assert_allclose(np.exp(p["log_gamma"]), np.sqrt(1 - np.abs(eigenvalues) ** 2), rtol=1e-4)


def test_slstm_survives_gates_beyond_the_range_of_exp() -> None:
    cell = cell_of("slstm").float()
    for shift in (-300.0, 300.0):
        with torch.no_grad():
            cell.bias[:H] = shift
        assert cell.states(values()).isfinite().all()


def test_esn_is_frozen_and_scaled() -> None:
    cell = cell_of("esn", radius=0.8)
    assert np.abs(np.linalg.eigvals(arrays(cell)["weight_hh"])).max() == pytest.approx(0.8, rel=1e-5)
    assert not list(cell.parameters())


def test_transformer_scores_depend_only_on_distance() -> None:
    layer = layer_of("transformer", layers=1, heads=2)
    attend = layer.get_submodule("attend.0.1")
    x = torch.randn(4, B, H, dtype=torch.float64, generator=Generator().manual_seed(5))
    q, k, v = attend.project(x).view(4, B, 3, 2, 4).permute(2, 1, 3, 0, 4)  # (B, 2, 4, 4) each

    def scores(shift: int) -> Tensor:
        from importlib import import_module

        rotated = import_module("rnnbench.cells.transformer").rotated
        pad = torch.zeros(B, 2, shift, 4, dtype=torch.float64)
        return (rotated(torch.cat((pad, q), 2)) @ rotated(torch.cat((pad, k), 2)).mT)[:, :, shift:, shift:]

    torch.testing.assert_close(scores(0), scores(7))
    mixed = scores(0).div(2).masked_fill(torch.ones(4, 4, dtype=torch.bool).triu(1), -torch.inf).softmax(dim=3) @ v
    torch.testing.assert_close(attend(x), attend.out(mixed.permute(2, 0, 1, 3).reshape(4, B, H)))


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("indrnn", "steps", 0), ("lem", "dt", 2.0), ("cornn", "eps", 0.0), ("lru", "r_min", 1.0), ("esn", "leak", 1.5)],
)
def test_a_bad_option_raises_user_error(name: str, option: str, value: float) -> None:
    with pytest.raises(UserError, match=f"option {option} must"):
        registry.make_cell(name, D, H, {option: value})


def test_the_bound_of_the_indrnn_follows_the_horizon_where_it_is_asked_to() -> None:
    def bound(**values: object) -> tuple[float, float]:
        request = {"task": "recall", "cell": "indrnn", "gap": 50, "hidden_size": 8} | values
        cell = build(resolve(RunRequest.model_validate(request))).cell
        return cell.bound, float(cell.u.detach().max())

    assert bound()[0] == 2 ** (1 / 1000)
    assert bound(init="horizon")[0] == 2 ** (1 / 100)
    assert bound(init="horizon", horizon=20.0)[0] == 2 ** (1 / 20)
    assert bound(init="horizon")[1] / bound()[1] == pytest.approx(2 ** (1 / 100) / 2 ** (1 / 1000))
