"""The shape letters and the named tensor types that the signatures use.

B batch, T time, D model width, H heads, G key/value heads (H of them unless grouped), K key width,
V value width, N vocabulary, L levels.
"""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

MOST_WEIGHTS = 2**33
"""32 GiB in single precision: beyond it building takes the machine down instead of being refused."""

Tokens = Int[Tensor, "B T"]
Hidden = Float[Tensor, "B T D"]
Queries = Float[Tensor, "B T H K"]
Keys = Float[Tensor, "B T G K"]
Values = Float[Tensor, "B T G V"]
Readings = Float[Tensor, "B T H V"]
Logits = Float[Tensor, "*positions N"]


class HeadShape(NamedTuple):
    """The widths that a part of an attention layer is built for."""

    d_model: int
    n_heads: int
    n_kv_heads: int
    key_width: int
    value_width: int
