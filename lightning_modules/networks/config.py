"""What fixes a network's shape: complete (`ModelConfig`), and as a recipe chooses it (`ModelChoice`)."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from data.config import Config
from data.naming import look_up
from lightning_modules.networks.widths import convolution_width, lstm_width, swiglu_width, transformer_layer

Alignment = Literal["shifted", "same"]
Architecture = Literal["transformer", "lstm", "convolution"]


class ModelOptions(Config):
    """What a network does beyond its sizes, the same in a recipe and in a complete description."""

    architecture: Architecture = "transformer"
    """`lstm` and `convolution` are baselines of equal size that only read from left to right."""
    alignment: Alignment = "shifted"
    """Where a hidden token is predicted: `shifted` from the state before it, as in causal modelling, so that one head
    serves both (GPT-BERT, arXiv:2410.24159); `same` from its own position, as in BERT."""
    qk_norm: bool = False
    """Norm every head's queries and keys before they are turned: bounds the attention logits (arXiv:2302.05442)."""
    attention_window: int | None = Field(None, gt=0)
    """w: a query sees keys less than w positions away within its sample, on both sides where the mode looks to both;
    what stands in a prefix is no exception. None, or w of at least the row's length, is no window."""
    experts: int = Field(1, gt=0)
    """Feed-forward networks of each layer, among which a router chooses for each position; 1 is a dense model."""
    experts_per_token: Literal[1, 2] = 1
    """How many a position is sent to. 1: its output times the router's probability (Switch, arXiv:2101.03961). 2: their
    outputs weighed by the two probabilities, made to add up to 1 (Mixtral, arXiv:2401.04088)."""
    capacity_factor: float | None = Field(1.25, gt=0.0)
    """In training an expert takes at most this times its even share of a micro-batch; positions too many, the last
    ones, go on with the residual alone. None: no limit."""
    evaluation_capacity_factor: float | None = Field(None, gt=0.0)
    """The same in evaluation; 2.0 in the Switch paper. No limit by default: under one, what a text scores would depend
    on the texts beside it."""
    router_jitter: float = Field(0.01, ge=0.0, lt=1.0)
    """In training what the router reads is multiplied by draws from 1 ± this."""
    router_balance_weight: float = Field(0.01, ge=0.0)
    """Of the loss that is 1 where experts are used evenly (Switch, equation 4)."""
    router_z_weight: float = Field(1e-3, ge=0.0)
    """Of the mean square of the router's log-partition (ST-MoE, arXiv:2202.08906, equation 5)."""

    @model_validator(mode="after")
    def options_fit(self) -> Self:
        if self.experts == 1:
            needless = [name for name in _OF_EXPERTS if getattr(self, name) != type(self).model_fields[name].default]
            if needless:
                raise ValueError(f"{needless[0]} says how experts are used, but there is one: set experts to 2 or more")
        if not self.attends:
            given = [name for name in _OF_ATTENTION if getattr(self, name) != type(self).model_fields[name].default]
            if given:
                raise ValueError(f"architecture {self.architecture!r} has no {given[0]}: only the transformer has")
        return self

    @property
    def attends(self) -> bool:
        """Whether a state can see both sides, as all modes but `causal` ask for."""
        return self.architecture == "transformer"


_OF_EXPERTS = (
    *("experts_per_token", "capacity_factor", "evaluation_capacity_factor"),
    *("router_jitter", "router_balance_weight", "router_z_weight"),
)
_OF_ATTENTION = ("qk_norm", "attention_window", "experts")


class ModelConfig(ModelOptions):
    """A trunk, complete: every number is written out, nothing is left to a library's default."""

    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    num_layers: int = Field(gt=0)
    num_heads: int = Field(gt=0)
    """Query heads; of a baseline, those of the transformer it is compared with."""
    num_kv_heads: int = Field(gt=0)
    """Key and value heads; fewer than `num_heads` is grouped-query attention (arXiv:2305.13245)."""
    intermediate_size: int = Field(gt=0)
    """Width inside a layer: of (each expert's) SwiGLU, the LSTM's state, the convolution's channels."""
    max_positions: int = Field(gt=0)
    """Longest sample, in positions, that the model is meant to read."""
    rope_theta: float = Field(10_000.0, gt=0.0)
    """Base of the rotary frequencies (arXiv:2104.09864)."""
    rms_norm_eps: float = Field(1e-5, gt=0.0)
    segments: int = Field(4, ge=1)
    """Rows of the segment table. Row 0 is zero for ever, so text of one segment never sees the table."""
    span_positions: int = Field(0, ge=0)
    """Rows of the table of places within a span; 0 is no table. `blank_infilling` needs one, two rows longer than its
    longest span. Row 0 is zero for ever, so text outside of spans never sees the table."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Probability, on the embeddings and on what each layer adds to the residual stream."""

    @model_validator(mode="after")
    def heads_fit(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}; change one of them"
            )
        if self.head_size % 2:
            raise ValueError(
                f"hidden_size / num_heads is {self.head_size}, but rotary positions turn pairs: it must be even"
            )
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads} is not a multiple of num_kv_heads {self.num_kv_heads}")
        return self

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads

    @property
    def penalty_weights(self) -> dict[str, float]:
        """Name of each loss of the network's own, see `Trunk.penalties` -> what its mean is multiplied by."""
        if self.experts == 1:
            return {}
        return {"router_balance": self.router_balance_weight, "router_z": self.router_z_weight}


PRESETS: dict[str, dict[str, int]] = {
    "micro": {"hidden_size": 64, "num_layers": 2, "num_heads": 2},
    "tiny": {"hidden_size": 128, "num_layers": 4, "num_heads": 4},
    "mini": {"hidden_size": 192, "num_layers": 6, "num_heads": 6},
    "small": {"hidden_size": 384, "num_layers": 6, "num_heads": 6},
    "base": {"hidden_size": 768, "num_layers": 12, "num_heads": 12},
}
"""Name -> shape. With 32,000 tokens `base` has 110M parameters, with 50,000 it has 124M."""


class ModelChoice(ModelOptions):
    """A recipe's `model:`: a preset and what differs from it. A size of None comes from the preset, or follows."""

    preset: str = "tiny"
    hidden_size: int | None = Field(None, gt=0)
    num_layers: int | None = Field(None, gt=0)
    num_heads: int | None = Field(None, gt=0)
    num_kv_heads: int | None = Field(None, gt=0)
    """None: as many as `num_heads`."""
    intermediate_size: int | None = Field(None, gt=0)
    """None: 8/3 of `hidden_size`, to the nearest 64; in a baseline, what makes it as large as that transformer."""
    max_positions: int | None = Field(None, gt=0)
    """None: the longest sequence of the recipe."""
    rope_theta: float | None = Field(None, gt=0.0)
    rms_norm_eps: float | None = Field(None, gt=0.0)
    segments: int | None = Field(None, ge=1)
    span_positions: int | None = Field(None, ge=0)
    dropout: float | None = Field(None, ge=0.0, lt=1.0)

    @field_validator("preset")
    @classmethod
    def preset_exists(cls, preset: str) -> str:
        look_up("model preset", preset, PRESETS)
        return preset

    def resolve(self, vocab_size: int, sequence_length: int) -> ModelConfig:
        """Returns the complete description.

        Args:
            vocab_size: entries of the tokenizer.
            sequence_length: longest sequence that any stage trains on, in positions.

        Raises:
            ValueError: the numbers do not fit together, or `max_positions` is shorter than the sequences.
        """
        options = set(ModelOptions.model_fields)
        sizes = PRESETS[self.preset] | self.model_dump(exclude={"preset", *options}, exclude_none=True)
        chosen: dict[str, Any] = sizes | self.model_dump(include=options)
        chosen.setdefault("num_kv_heads", chosen["num_heads"])
        chosen.setdefault("intermediate_size", _inner_width(chosen))
        chosen.setdefault("max_positions", sequence_length)
        if chosen["max_positions"] < sequence_length:
            raise ValueError(
                f"max_positions is {chosen['max_positions']}, but sequences have {sequence_length} positions: "
                "raise it, or shorten sequence_length"
            )
        return ModelConfig(vocab_size=vocab_size, **chosen)


def _inner_width(chosen: Mapping[str, Any]) -> int:
    width = chosen["hidden_size"]
    keys_size = width // chosen["num_heads"] * chosen["num_kv_heads"]
    parameters = transformer_layer(width, keys_size, swiglu_width(width))
    match chosen["architecture"]:
        case "lstm":
            return lstm_width(width, parameters)
        case "convolution":
            return convolution_width(width, parameters)
        case _:
            return swiglu_width(width)
