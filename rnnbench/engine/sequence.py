"""The kernels as autograd functions: buffers, the input's share of the products, and the weight gradients around the time loops."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rnnbench.engine import kernels
from rnnbench.engine.blas import address

NO_TOKENS = torch.empty(0, 0, dtype=torch.int64)


class Pool:
    """Large buffers, used again from step to step: fresh ones cost a page fault for every 4 KiB.

    A :class:`Lease` takes buffers and gives them back when it is garbage; a graph that is still alive keeps its own.
    """

    def __init__(self, kept: int = 8) -> None:
        self.free: dict[tuple[tuple[int, ...], torch.dtype], list[Tensor]] = {}
        self.kept = kept  # shapes that are remembered; a shape not seen for long is let go

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        try:
            return self.free[shape, dtype].pop()
        except (KeyError, IndexError):
            return torch.empty(shape, dtype=dtype)

    def give(self, buffers: list[Tensor]) -> None:
        for buffer in buffers:
            key = (tuple(buffer.shape), buffer.dtype)
            shelf = self.free.pop(key, [])  # put back last: the dict is ordered from the longest unused to the latest
            shelf.append(buffer)
            self.free[key] = shelf
        while len(self.free) > self.kept:
            self.free.pop(next(iter(self.free)))


POOL = Pool()


class Lease:
    """The buffers of one graph."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.buffers: list[Tensor] = []

    def take(self, *shape: int) -> Tensor:
        self.buffers.append(POOL.take(shape, self.dtype))
        return self.buffers[-1]

    def __del__(self) -> None:
        POOL.give(self.buffers)


def array(tensor: Tensor) -> Any:
    return tensor.detach().numpy()


def project(lease: Lease, inputs: Tensor, weight: Tensor, bias: Tensor | None, keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(tokens, table, gates) as the forward kernels want them.

    Tokens: their own (T, B), the (D, G*H) rows of the transposed weight, and gates not filled (one step of them without
    ``keep``). Values: no tokens, and gates (T, B, G*H) that hold the input's share, one product for all steps.
    """
    T, B = inputs.shape[:2]
    G = weight.shape[0]
    if not inputs.is_floating_point():
        table = weight.t().contiguous() if bias is None else weight.t() + bias  # (D, G)
        return inputs.contiguous(), table.contiguous(), lease.take(T if keep else 1, B, G)
    gates = lease.take(T, B, G)
    flat = inputs.reshape(T * B, -1)  # (T*B, D)
    if bias is None:
        torch.mm(flat, weight.t(), out=gates.view(T * B, G))
    else:
        torch.addmm(bias, flat, weight.t(), out=gates.view(T * B, G))
    return NO_TOKENS, weight.new_empty(0, G), gates


def states_buffer(lease: Lease, T: int, B: int, initial: Tensor) -> Tensor:
    """(T + 1, B, H), its row 0 the initial state (H) of every sequence."""
    buffer = lease.take(T + 1, B, len(initial))
    buffer[0] = initial
    return buffer


CACHED = 1 << 18  # numbers: how much of a backward pass is held in the cache before it becomes weight gradients


class Gradients:
    """What every backward pass fills in, as the kernels want it.

    ``shared`` holds the arguments that all backward kernels begin with: BLAS, the input's side, and the recurrent weight.
    """

    def __init__(self, ctx: Any, h: Tensor, rows: int, tokens: Tensor, biased: bool) -> None:
        inputs, weight_ih, weight_hh = ctx.saved_tensors
        (T, B, H), D = (h.shape[0] - 1, *h.shape[1:]), weight_ih.shape[1]
        values = inputs.is_floating_point()
        self.biased = biased
        self.values = values
        self.table = h.new_zeros(1 if values else D, rows * H)  # (D, G*H) for tokens; with values the bias gradient alone
        self.inputs = h.new_empty(T, B, D) if values and ctx.needs_input_grad[0] else None
        self.weight_ih = h.new_zeros(rows * H, D) if values else None
        self.weight_hh = h.new_zeros(rows * H, H)
        self.h = h.new_zeros(B, H)
        self.work = Lease(h.dtype)
        self.steps = min(T, max(1, CACHED // (B * rows * H)))
        self.gates = self.work.take(self.steps, B, rows * H)
        empty2, empty3 = h.new_empty(0, 0), h.new_empty(0, 0, 0)
        self.shared = (
            address(h.dtype), array(tokens), array(self.table), array(inputs.contiguous() if values else empty3),
            array(weight_ih.contiguous()), array(empty2 if self.weight_ih is None else self.weight_ih),
            array(empty3 if self.inputs is None else self.inputs), array(weight_hh.contiguous()), array(self.weight_hh),
        )  # fmt: skip

    def results(self) -> tuple[Tensor | None, Tensor, Tensor, Tensor | None]:
        """Gradients of inputs (T, B, D), weight_ih (G*H, D), weight_hh (G*H, H) and of the input's bias (G*H)."""
        weight_ih = self.table.t() if self.weight_ih is None else self.weight_ih
        return self.inputs, weight_ih, self.weight_hh, self.table.sum(0) if self.biased else None


def rnn_forward(ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Any, initial: Tensor, first: int) -> Tensor:
    T, B = inputs.shape[:2]
    lease = Lease(weight_hh.dtype)
    tokens, table, gates = project(lease, inputs, weight_ih, bias, False)
    h = states_buffer(lease, T, B, initial[0])
    kernels.rnn_forward(address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.t().contiguous()), array(h))
    ctx.save_for_backward(inputs, weight_ih, weight_hh)
    ctx.kept = (lease, tokens, bias is not None, h)
    return h[1 + first :].clone()  # (T - first, B, H); the buffer itself goes back to the pool


class RNNFunction(Function):
    """(inputs, weight_ih, weight_hh, bias, initial, first) -> (T - first, B, H)."""

    forward = staticmethod(rnn_forward)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        _, tokens, biased, h = ctx.kept
        d = Gradients(ctx, h, 1, tokens, biased)
        kernels.rnn_backward(*d.shared, array(h), array(grad.contiguous()), array(d.gates), array(d.h))
        return *d.results(), d.h.sum(0, keepdim=True), None


class LSTMFunction(Function):
    """(inputs, weight_ih, weight_hh, bias, initial, first, keep) -> (T - first, B, H)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Any, initial: Tensor, first: int, keep: bool
    ) -> Tensor:
        T, B = inputs.shape[:2]
        lease = Lease(weight_hh.dtype)
        tokens, table, gates = project(lease, inputs, weight_ih, bias, keep)
        h, c = (states_buffer(lease, T, B, row) for row in initial)
        kernels.lstm_forward(
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.t().contiguous()), array(h), array(c), keep
        )
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, bias is not None, gates, h, c)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        _, tokens, biased, gates, h, c = ctx.kept
        d = Gradients(ctx, h, 4, tokens, biased)
        dc = torch.zeros_like(d.h)  # (B, H)
        kernels.lstm_backward(
            *d.shared, array(gates), array(h), array(c), array(grad.contiguous()), array(d.gates), array(d.h), array(dc)
        )
        return *d.results(), torch.stack((d.h.sum(0), dc.sum(0))), None, None


class GRUFunction(Function):
    """(inputs, weight_ih, weight_hh, bias, initial, first, keep) -> (T - first, B, H); reset before the product."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Any, initial: Tensor, first: int, keep: bool
    ) -> Tensor:
        T, B = inputs.shape[:2]
        lease = Lease(weight_hh.dtype)
        tokens, table, gates = project(lease, inputs, weight_ih, bias, keep)
        h = states_buffer(lease, T, B, initial[0])
        kernels.gru_forward(
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.t().contiguous()), array(h), keep
        )
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, bias is not None, gates, h)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        _, tokens, biased, gates, h = ctx.kept
        d = Gradients(ctx, h, 3, tokens, biased)
        dreset = torch.empty_like(d.h)  # (B, H)
        reset_h = d.work.take(d.steps, *d.h.shape)  # (S, B, H)
        kernels.gru_backward(
            *d.shared, array(gates), array(h), array(reset_h), array(grad.contiguous()), array(d.gates), array(d.h), array(dreset)
        )
        return *d.results(), d.h.sum(0, keepdim=True), None, None


class GRUTorchFunction(Function):
    """(inputs, weight_ih, weight_hh, bias_ih, bias_hh, initial, first, keep) -> (T - first, B, H); reset after the product."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Any, bias_hh: Any,
        initial: Tensor, first: int, keep: bool,
    ) -> Tensor:  # fmt: skip
        T, B = inputs.shape[:2]
        lease = Lease(weight_hh.dtype)
        tokens, table, gates = project(lease, inputs, weight_ih, bias_ih, keep)
        h = states_buffer(lease, T, B, initial[0])
        scaled = lease.take(T if keep else 1, B, h.shape[2])
        bias = weight_hh.new_zeros(len(weight_hh)) if bias_hh is None else bias_hh  # (3H)
        kernels.gru_torch_forward(
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.t().contiguous()),
            array(bias.contiguous()), array(h), array(scaled), keep,
        )  # fmt: skip
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, bias_ih is not None, bias_hh is not None, gates, h, scaled)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        _, tokens, biased_ih, biased_hh, gates, h, scaled = ctx.kept
        d = Gradients(ctx, h, 3, tokens, biased_ih)
        dbias = h.new_zeros(gates.shape[2])  # (3H)
        drecurrent = d.work.take(*d.gates.shape)  # (S, B, 3H)
        kernels.gru_torch_backward(
            *d.shared, array(dbias), array(gates), array(h), array(scaled), array(grad.contiguous()),
            array(d.gates), array(drecurrent), array(d.h),
        )  # fmt: skip
        return *d.results(), dbias if biased_hh else None, d.h.sum(0, keepdim=True), None, None
