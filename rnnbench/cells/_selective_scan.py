"""The selective scan of Mamba: a diagonal linear state, compiled on a CPU with numba, else a loop in PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rnnbench import _engine
from rnnbench._errors import UserError


def selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Compute a linear state whose time step, input and output weights depend on the input.

        S_t = exp(delta_t A) S_{t-1} + delta_t u_t B_t^T,   y_t = S_t C_t

    Source: Gu & Dao 2023, section 3.2 and algorithm 2; as there, states are computed again in the backward pass. It can be
    differentiated once.

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
    outputs = []
    for d, value, to, by in zip(delta, u, B, C, strict=True):
        S = torch.exp(d.unsqueeze(2) * A) * S + (d * value).unsqueeze(2) * to.unsqueeze(1)  # (B, H, N)
        outputs.append((S @ by.unsqueeze(2)).squeeze(2))  # (B, H)
    return torch.stack(outputs), S


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
