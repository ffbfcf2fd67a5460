"""The selective scan of Mamba: a diagonal linear state, compiled on a CPU with numba, else by a parallel scan in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rnnbench import _engine
from rnnbench._errors import UserError

MOST_VALUES = 2**26
"""Numbers of all states that PyTorch computes at once; it keeps about five times as many."""


def selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Compute a linear state whose time step, input and output weights depend on the input.

        S_t = exp(delta_t A) S_{t-1} + delta_t u_t B_t^T,   y_t = S_t C_t

    Source: Gu & Dao 2023, section 3.2 and algorithm 2. On a CPU compiled loops compute it; as there, states are computed again in
    the backward pass, and it can be differentiated once.

    Args:
        u: (T, B, H) the values to write.
        delta: (T, B, H) time steps, not negative.
        A: (H, N) rates, not positive.
        B: (T, B, N) the positions to write to.
        C: (T, B, N) the positions to read from.
        S: (B, H, N) the state before the first step.

    Returns:
        y (T, B, H) and the state (B, H, N) after the last step.

    Raises:
        UserError: An argument is not a tensor of this shape, or its dtype differs from that of u.

    Example:
        >>> import torch
        >>> T, sequences, H, N = 5, 2, 3, 4
        >>> u, B = torch.randn(T, sequences, H), torch.randn(T, sequences, N)
        >>> y, S = selective_scan(u, torch.ones_like(u), -torch.ones(H, N), B, B, torch.zeros(sequences, H, N))
        >>> y.shape, S.shape
        (torch.Size([5, 2, 3]), torch.Size([2, 3, 4]))
    """
    check_shapes(u, delta, A, B, C, S)
    if u.device.type == "cpu" and u.dtype in (torch.float32, torch.float64) and _engine.available():
        y, last = Compiled.apply(u, delta, A.t(), B, C, S.mT)  # type: ignore[no-untyped-call]  # of torch
        return y, last.mT
    if len(u) == 0:
        return u, S
    steps = max(1, MOST_VALUES // (u.shape[1] * A.numel()))
    outputs = []
    for value, d, to, by in zip(*(torch.split(each, steps) for each in (u, delta, B, C)), strict=True):
        decay = torch.exp(d.unsqueeze(3) * A)  # (steps, B, H, N)
        written = (d * value).unsqueeze(3) * to.unsqueeze(2)  # (steps, B, H, N)
        states = linear_states(decay, torch.cat((decay[:1] * S + written[:1], written[1:])))
        outputs.append((states @ by.unsqueeze(3)).squeeze(3))  # (steps, B, H)
        S = states[-1]
    return torch.cat(outputs), S


def linear_states(decay: Tensor, written: Tensor) -> Tensor:
    """Compute S_t = decay_t S_{t-1} + written_t from S = 0, elementwise, in about log2 T rounds over all steps.

    Two steps are one: the states after every second step are those of a sequence of half the length, and the others follow from
    them. Source: Blelloch 1990, sections 1.3 and 1.4.

    Args:
        decay: (T, ...).
        written: (T, ...).

    Returns:
        The states (T, ...).
    """
    T = len(written)
    if T == 1:
        return written
    first, second = slice(0, T - 1, 2), slice(1, T, 2)
    after_second = linear_states(decay[second] * decay[first], decay[second] * written[first] + written[second])  # (T // 2, ...)
    after_first = torch.cat((written[:1], decay[2::2] * after_second[: (T - 1) // 2] + written[2::2]))  # (T - T // 2, ...)
    states = torch.stack((after_first[: T // 2], after_second), dim=1).flatten(0, 1)  # (T - T % 2, ...)
    return torch.cat((states, after_first[T // 2 :])) if T % 2 else states


def check_shapes(*given: Tensor) -> None:
    """Raise UserError unless the arguments of a scan fit together: the kernel reads as many numbers as the shapes say."""
    sizes: dict[str, int] = {}
    for name, axes, value in zip(("u", "delta", "A", "B", "C", "S"), ("TBH", "TBH", "HN", "TBN", "TBN", "BHN"), given, strict=True):
        if not isinstance(value, Tensor) or value.dim() != len(axes) or not value.is_floating_point():
            raise UserError(f"{name}: not a tensor ({', '.join(axes)}) of floating-point numbers")
        found = dict(zip(axes, value.shape, strict=True))
        if wrong := [axis for axis in axes if sizes.setdefault(axis, found[axis]) != found[axis]]:
            raise UserError(f"{name}: axis {wrong[0]} has {found[wrong[0]]} entries, before it has {sizes[wrong[0]]}")
        if value.dtype != given[0].dtype:
            raise UserError(f"{name}: {value.dtype}, but u is {given[0].dtype}")


class Compiled(Function):
    """(u, delta, A (N, H), B, C, S (B, N, H)) -> (y, the last S), computed by the loops of ``_engine/selective_scan.py``."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
        given = [tensor.detach().contiguous() for tensor in (delta, u, B, C, A)]
        last, y = S.detach().clone(memory_format=torch.contiguous_format), torch.empty_like(given[0])
        kept = last.new_empty(-(-len(u) // kernels().CHUNK), *last.shape)
        kernels().forward(*(tensor.numpy() for tensor in (*given, last, y, kept)))
        ctx.save_for_backward(*given, kept)
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        saved, chunk = ctx.saved_tensors, kernels().CHUNK
        delta, u, B, C, A, _ = saved
        dS = dlast.clone(memory_format=torch.contiguous_format)
        ddelta, du, dB, dC, dA = (*(torch.empty_like(tensor) for tensor in (delta, u, B, C)), torch.zeros_like(A))
        scratch = A.new_empty(chunk + 1, *A.shape), A.new_empty(chunk, *A.shape)
        kernels().backward(*(tensor.numpy() for tensor in (*saved, dy.contiguous(), dS, ddelta, du, dB, dC, dA, *scratch)))
        return du, ddelta, dA, dB, dC, dS


def kernels() -> Any:
    """Return the compiled loops."""
    from rnnbench._engine import build  # imported here, because it needs numba

    return build.load((Path(_engine.__file__).parent / "selective_scan.py").read_text("utf-8"))
