"""A layer of causal attention (Vaswani et al. 2017), wrapped from the library."""

from torch import Tensor, nn

from rnnbench.cells import SequenceModel


class Transformer(SequenceModel):
    """Options: ``heads`` (4)."""

    name = "attention"
    summary = "one layer of causal attention"

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4) -> None:
        super().__init__(input_size, hidden_size)
        self.embed = nn.Linear(input_size, hidden_size)
        self.layer = nn.TransformerEncoderLayer(hidden_size, heads, 2 * hidden_size, dropout=0.1)

    def sequence(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(len(x), dtype=x.dtype)  # (T, T)
        return self.layer(self.embed(x), src_mask=mask, is_causal=True)  # (T, B, H)


CELL = Transformer
