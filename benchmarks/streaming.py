"""Decoding token by token, and what is carried meanwhile, for every memory in conf/."""

import inspect
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from benchmarks.machine import ROOT, this_machine
from benchmarks.paired import Spread
from benchmarks.record import Row, publish
from mad.blueprint import blueprint, resolved_class
from mad.door.compose import compose
from mad.model import Model

ABOUT = (
    "`Model.mix` one token at a time, batch 1, no gradient, for the last 24 of T tokens, after a "
    "prefill of those before in one call: 2 layers, d=64, 2 heads, short convolution, head left out. "
    "State: bytes of all tensors that are carried after T tokens; the note says the growth that the "
    "mixer declares."
)
LENGTHS = (64, 256, 1024, 4096)
VOCABULARY = 256
N_DECODED = 24
"""Their positions have many bits set, which is dear for a Fenwick tree; T itself would be its best case."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """What was seen at the end of so many tokens."""

    tokens_per_second: Spread
    state_bytes: int
    prefill_seconds: float


def memories() -> list[str]:
    """The names that conf/memory lists."""
    return sorted(path.stem for path in (ROOT / "conf/memory").glob("*.yaml"))


def model_with(memory: str, *, longest: int) -> Model:
    """A model around a named memory, with identity features where it takes any."""
    base = ("model=vanilla_linear", "task=mqar", f"task.seq_len={longest}", f"task.vocab_size={2 * longest}")
    for features in ("none", "identity"):
        config = _composed(*base, f"memory={memory}", f"features={features}", "readout=rms")
        kind = config["mixer"]["memory"]
        takes = "features" in inspect.signature(resolved_class(kind["_target_"])).parameters
        if takes == (features == "identity"):
            break
    if "levels" in kind:
        kind["levels"]["horizon"] = longest
    torch.manual_seed(0)
    model: Model = blueprint(config)(vocab_size=VOCABULARY)
    return model.eval()


@torch.inference_mode()
def decoding(model: Model, *, length: int, n_samples: int = 5) -> Decoding:
    """Prefills all but the last of ``length`` tokens and decodes these, ``n_samples`` times."""
    tokens = torch.randint(VOCABULARY, (1, length))
    prompt, rest = tokens[:, :-N_DECODED], tokens[:, -N_DECODED:].split(1, dim=1)
    model.mix(prompt[:, : min(length, 64)], model.init_state(1))
    started = time.perf_counter()
    _, state = model.mix(prompt, model.init_state(1))
    prefill_seconds = time.perf_counter() - started
    rates = []
    for _ in range(n_samples):
        ahead, started = state, time.perf_counter()
        for token in rest:
            _, ahead = model.mix(token, ahead)
        rates.append(N_DECODED / (time.perf_counter() - started))
    return Decoding(
        tokens_per_second=Spread.of(rates), state_bytes=bytes_of(ahead), prefill_seconds=prefill_seconds
    )


def bytes_of(state: Any) -> int:
    """Of all tensors in a state."""
    tensors = (leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def rows(memory: str, *, lengths: tuple[int, ...] = LENGTHS) -> list[Row]:
    """The rate of decoding and the growth of the state of one memory."""
    shortest, longest = lengths[0], lengths[-1]
    model = model_with(memory, longest=longest)
    found = {length: decoding(model, length=length) for length in lengths}
    growth = found[longest].state_bytes / found[shortest].state_bytes
    declared = model.state_floats(longest) / model.state_floats(shortest)
    return [
        Row(
            what=f"{memory}: decoding up to {longest} tokens",
            unit="tokens/s",
            observed=found[longest].tokens_per_second,
            sides={f"T={length}": seen.tokens_per_second for length, seen in found.items()},
            side_unit="tokens/s",
            note=f"prefill at {(longest - N_DECODED) / found[longest].prefill_seconds:,.0f} tokens/s",
        ),
        Row(
            what=f"{memory}: state after {longest} tokens / after {shortest}",
            unit="x",
            observed=Spread.of([growth]),
            sides={f"T={length}": Spread.of([seen.state_bytes / 1024]) for length, seen in found.items()},
            side_unit="KiB",
            note=f"declared: {declared:.3g} x",
        ),
    ]


def _composed(*overrides: str) -> dict[str, Any]:
    return compose(overrides)["model"]


def main() -> None:
    machine = this_machine()
    publish("streaming", ABOUT, [row for name in memories() for row in rows(name)], machine=machine)


if __name__ == "__main__":
    main()
