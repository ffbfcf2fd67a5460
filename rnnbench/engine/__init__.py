"""The CPU engine: whole sequences forward and back in compiled code. Not built yet: every cell runs on torch."""

from torch import Tensor


def available() -> bool:
    """Whether the compiled path can be used on this machine."""
    return False


def rnn(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor | None, initial: Tensor, first: int = 0) -> Tensor:
    raise RuntimeError("the fast engine is not available")


lstm = gru = rnn


def gru_torch(
    inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor | None, bias_hh: Tensor | None,
    initial: Tensor, first: int = 0,
) -> Tensor:  # fmt: skip
    raise RuntimeError("the fast engine is not available")
