"""A language model around mixers: embedding -> [norm, mixer, norm, channel mixer] x depth -> norm -> head."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mad.channel_mixers import ChannelMixer
from mad.mixers.base import Mixer, State
from mad.shapes import MOST_WEIGHTS, Hidden, Logits, Tokens

Norm = Callable[[int], nn.Module]

MOST_LAYERS = 1000


class Block(nn.Module):
    """Pre-norm residual block: x + mixer(norm(x)), then x + mlp(norm(x)) where there is one."""

    def __init__(
        self, d_model: int, *, mixer: Mixer, norm: Norm, mlp: ChannelMixer | None, dropout: float
    ) -> None:
        super().__init__()
        self.mixer_norm, self.mixer = norm(d_model), mixer
        self.mlp_norm = nn.Identity() if mlp is None else norm(d_model)
        self.mlp = mlp
        self.dropout = nn.Dropout(dropout)

    def mix(self, x: Hidden, state: State) -> tuple[Hidden, State]:
        """The next T tokens; the state is the mixer's."""
        y, state = self.mixer.mix(self.mixer_norm(x), state)
        x = x + self.dropout(y)
        if self.mlp is not None:
            x = x + self.dropout(self.mlp(self.mlp_norm(x)))
        return x, state

    def flops(self, length: int) -> int:
        """Floating-point operations over one sequence."""
        return self.mixer.flops(length) + (0 if self.mlp is None else self.mlp.flops(length))


class Model(nn.Module):
    """``n_layers`` blocks of one ``mixer``, or a hybrid: ``mixers`` gives one per layer, first to last.

    ``learned_positions`` is the length of a table of position embeddings (0: none); ``embedding_std`` the
    standard deviation of all embeddings at the start; a tied head reads the token embedding. Parts are
    called with d_model.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        d_model: int,
        n_layers: int,
        norm: Norm,
        mixer: Callable[[int], Mixer] | None = None,
        mixers: Sequence[Callable[[int], Mixer]] | None = None,
        mlp: Callable[[int], ChannelMixer] | None = None,
        final_norm: bool = True,
        tied_head: bool = False,
        head_bias: bool = False,
        dropout: float = 0.0,
        learned_positions: int = 0,
        embedding_std: float = 1.0,
    ) -> None:
        super().__init__()
        _check(d_model, dropout=dropout, learned_positions=learned_positions, embedding_std=embedding_std)
        _check_size(n_layers, d_model, n_rows=2 * vocab_size + learned_positions)
        layers = _layers(n_layers, mixer, mixers)
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(learned_positions, d_model) if learned_positions else None
        self.dropout = nn.Dropout(dropout)
        self.blocks: list[Block] = nn.ModuleList(  # type: ignore[assignment]
            Block(d_model, mixer=layer(d_model), norm=norm, mlp=mlp and mlp(d_model), dropout=dropout)
            for layer in layers
        )
        self.norm = norm(d_model) if final_norm else nn.Identity()
        self.head = nn.Linear(d_model, vocab_size, bias=head_bias)
        for table in (self.embedding, self.positions):
            if table is not None:
                nn.init.normal_(table.weight, std=embedding_std)
        if tied_head:
            self.head.weight = self.embedding.weight

    @property
    def max_length(self) -> int | None:
        """The longest sequence that every part accepts, or None where there is no limit."""
        limits = [block.mixer.max_length for block in self.blocks]
        limits.append(None if self.positions is None else self.positions.num_embeddings)
        return min((limit for limit in limits if limit is not None), default=None)

    def init_state(self, batch: int) -> list[State]:
        """The state before the first token: one per layer, and the position."""
        return [0, *(block.mixer.init_state(batch) for block in self.blocks)]

    def mix(self, tokens: Tokens, state: list[State]) -> tuple[Hidden, list[State]]:
        """The next T tokens; returns hidden states after the last norm, and the state after them."""
        start, *states = state
        end = start + tokens.size(1)
        x = self.embedding(tokens)
        if self.positions is not None:
            if end > self.positions.num_embeddings:
                raise ValueError(
                    f"learned_positions {self.positions.num_embeddings} is shorter than the sequence "
                    f"({end}); set model.learned_positions to {end} or more"
                )
            x = x + self.positions(torch.arange(start, end, device=tokens.device))
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x, states[layer] = block.mix(x, states[layer])
        return self.norm(x), [end, *states]

    def forward(self, tokens: Tokens) -> Hidden:
        """Hidden states of whole sequences, after the last norm."""
        return self.mix(tokens, self.init_state(len(tokens)))[0]

    def logits(self, hidden: Tensor) -> Logits:
        """The head: (... D) to (... N). Call it on the positions where something is asked, no others."""
        return self.head(hidden)

    def state_floats(self, length: int) -> int:
        """Floats that one sequence's state holds after ``length`` tokens, all layers together."""
        return sum(block.mixer.state_floats(length) for block in self.blocks)

    def flops(self, length: int) -> int:
        """Floating-point operations of one sequence forward, the head at every position included."""
        return sum(block.flops(length) for block in self.blocks) + 2 * length * self.head.weight.numel()


def _check_size(n_layers: int, d_model: int, *, n_rows: int) -> None:
    """Refuses what no memory holds, before it is built. ``n_rows``: of embeddings and head."""
    if n_layers < 1:
        raise ValueError(f"model.n_layers must be 1 or more, not {n_layers}; set model.n_layers=2")
    if n_layers > MOST_LAYERS:
        raise ValueError(f"model.n_layers must be {MOST_LAYERS:,} or less, not {n_layers}; set it so")
    n_weights = n_layers * d_model**2 + n_rows * d_model
    if n_weights > MOST_WEIGHTS:
        raise ValueError(
            f"model.d_model={d_model} with model.n_layers={n_layers} makes {n_weights:,} weights, and "
            f"{MOST_WEIGHTS:,} are the most; set model.d_model, model.n_layers, model.learned_positions or "
            "task.vocab_size to less"
        )


def _layers(
    n_layers: int, mixer: Callable[[int], Mixer] | None, mixers: Sequence[Callable[[int], Mixer]] | None
) -> list[Callable[[int], Mixer]]:
    """One mixer per layer."""
    if mixers is not None:
        if len(mixers) != n_layers:
            raise ValueError(
                f"model.mixers lists {len(mixers)} layers and model.n_layers says {n_layers}; "
                f"set model.n_layers={len(mixers)}"
            )
        return list(mixers)
    if mixer is None:
        raise ValueError("a model needs a mixer; set model.mixer, or model.mixers to a list of one per layer")
    return [mixer] * n_layers


def _check(d_model: int, *, dropout: float, learned_positions: int, embedding_std: float) -> None:
    if d_model < 1:
        raise ValueError(f"model.d_model must be 1 or more, not {d_model}; 64 is a common choice")
    if not 0 <= dropout < 1:
        raise ValueError(f"model.dropout must lie in [0, 1), not {dropout}; set it to 0 for none")
    if learned_positions < 0:
        raise ValueError(f"model.learned_positions must be 0 (none) or a length, not {learned_positions}")
    if embedding_std < 0:
        raise ValueError(f"model.embedding_std must be 0 or more, not {embedding_std}")
