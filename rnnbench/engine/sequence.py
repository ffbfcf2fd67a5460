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


def input_gradients(
    ctx: Any, inputs: Tensor, weight: Tensor, dtable: Tensor, dgates: Tensor
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients of inputs, weight_ih (G, D) and of the bias (G) on the input's side, from those of the gates (T, B, G)."""
    if not inputs.is_floating_point():
        return None, dtable.t(), dtable.sum(0)
    flat = dgates.flatten(0, 1)  # (T*B, G)
    dinputs = (flat @ weight).view_as(inputs) if ctx.needs_input_grad[0] else None  # (T, B, D)
    return dinputs, flat.t() @ inputs.reshape(len(flat), -1), flat.sum(0)


def rnn_forward(ctx: Any, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Any, initial: Tensor, first: int) -> Tensor:
    T, B = inputs.shape[:2]
    lease = Lease(weight_hh.dtype)
    tokens, table, gates = project(lease, inputs, weight_ih, bias, False)
    h = states_buffer(lease, T, B, initial[0])
    kernels.rnn_forward(address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.contiguous()), array(h))
    ctx.save_for_backward(inputs, weight_ih, weight_hh)
    ctx.kept = (lease, tokens, table.shape, bias is not None, h)
    return h[1 + first :].clone()  # (T - first, B, H); the buffer itself goes back to the pool


class RNNFunction(Function):
    """(inputs, weight_ih, weight_hh, bias, initial, first) -> (T - first, B, H)."""

    forward = staticmethod(rnn_forward)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Any:
        inputs, weight_ih, weight_hh = ctx.saved_tensors
        _, tokens, table_shape, biased, h = ctx.kept
        work = Lease(h.dtype)
        T, B, H = h.shape[0] - 1, h.shape[1], h.shape[2]
        dgates, dh, dtable = work.take(T, B, H), h.new_zeros(B, H), h.new_zeros(table_shape)
        kernels.rnn_backward(
            address(h.dtype), array(tokens), array(dtable), array(weight_hh.contiguous()), array(h),
            array(grad.contiguous()), array(dgates), array(dh),
        )  # fmt: skip
        dinputs, dweight_ih, dbias = input_gradients(ctx, inputs, weight_ih, dtable, dgates)
        dweight_hh = dgates.view(T * B, H).t() @ h[:-1].view(T * B, H)  # (H, H)
        return dinputs, dweight_ih, dweight_hh, dbias if biased else None, dh.sum(0, keepdim=True), None


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
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.contiguous()), array(h), array(c), keep
        )
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, table.shape, bias is not None, gates, h, c)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Any:
        inputs, weight_ih, weight_hh = ctx.saved_tensors
        _, tokens, table_shape, biased, gates, h, c = ctx.kept
        work = Lease(h.dtype)
        T, B, H = h.shape[0] - 1, h.shape[1], h.shape[2]
        dgates, dh, dc, dtable = work.take(T, B, 4 * H), h.new_zeros(B, H), h.new_zeros(B, H), h.new_zeros(table_shape)
        kernels.lstm_backward(
            address(h.dtype), array(tokens), array(dtable), array(gates), array(weight_hh.contiguous()), array(h), array(c),
            array(grad.contiguous()), array(dgates), array(dh), array(dc),
        )  # fmt: skip
        dinputs, dweight_ih, dbias = input_gradients(ctx, inputs, weight_ih, dtable, dgates)
        dweight_hh = dgates.view(T * B, 4 * H).t() @ h[:-1].view(T * B, H)  # (4H, H)
        dinitial = torch.stack((dh.sum(0), dc.sum(0)))  # (2, H)
        return dinputs, dweight_ih, dweight_hh, dbias if biased else None, dinitial, None, None


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
        reset_h = lease.take(T if keep else 1, B, h.shape[2])
        kernels.gru_forward(
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.contiguous()), array(h),
            array(reset_h), keep,
        )  # fmt: skip
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, table.shape, bias is not None, gates, h, reset_h)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Any:
        inputs, weight_ih, weight_hh = ctx.saved_tensors
        _, tokens, table_shape, biased, gates, h, reset_h = ctx.kept
        work = Lease(h.dtype)
        T, B, H = h.shape[0] - 1, h.shape[1], h.shape[2]
        dgates, dh, dtable = work.take(T, B, 3 * H), h.new_zeros(B, H), h.new_zeros(table_shape)
        kernels.gru_backward(
            address(h.dtype), array(tokens), array(dtable), array(gates), array(weight_hh.contiguous()), array(h),
            array(grad.contiguous()), array(dgates), array(dh), array(work.take(B, H)),
        )  # fmt: skip
        dinputs, dweight_ih, dbias = input_gradients(ctx, inputs, weight_ih, dtable, dgates)
        flat = dgates.view(T * B, 3 * H)
        dweight_hh = torch.empty_like(weight_hh, memory_format=torch.contiguous_format)  # (3H, H)
        torch.mm(flat[:, : 2 * H].t(), h[:-1].view(T * B, H), out=dweight_hh[: 2 * H])
        torch.mm(flat[:, 2 * H :].t(), reset_h.view(T * B, H), out=dweight_hh[2 * H :])
        return dinputs, dweight_ih, dweight_hh, dbias if biased else None, dh.sum(0, keepdim=True), None, None


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
            address(h.dtype), array(tokens), array(table), array(gates), array(weight_hh.contiguous()),
            array(bias.contiguous()), array(h), array(scaled), keep,
        )  # fmt: skip
        ctx.save_for_backward(inputs, weight_ih, weight_hh)
        ctx.kept = (lease, tokens, table.shape, bias_ih is not None, bias_hh is not None, gates, h, scaled)
        return h[1 + first :].clone()  # (T - first, B, H)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Any:
        inputs, weight_ih, weight_hh = ctx.saved_tensors
        _, tokens, table_shape, biased_ih, biased_hh, gates, h, scaled = ctx.kept
        work = Lease(h.dtype)
        T, B, H = h.shape[0] - 1, h.shape[1], h.shape[2]
        dgates, drecurrent = work.take(T, B, 3 * H), work.take(T, B, 3 * H)
        dh, dtable = h.new_zeros(B, H), h.new_zeros(table_shape)
        kernels.gru_torch_backward(
            address(h.dtype), array(tokens), array(dtable), array(gates), array(weight_hh.contiguous()), array(h), array(scaled),
            array(grad.contiguous()), array(dgates), array(drecurrent), array(dh),
        )  # fmt: skip
        dinputs, dweight_ih, dbias_ih = input_gradients(ctx, inputs, weight_ih, dtable, dgates)
        flat = drecurrent.view(T * B, 3 * H)
        dweight_hh = flat.t() @ h[:-1].view(T * B, H)  # (3H, H)
        dbias_hh = flat.sum(0) if biased_hh else None
        return dinputs, dweight_ih, dweight_hh, dbias_ih if biased_ih else None, dbias_hh, dh.sum(0, keepdim=True), None, None
