"""What fixes a network's shape: complete (`ModelConfig`), and as a recipe chooses it (`ModelChoice`)."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from data.config import Config
from data.naming import look_up

Alignment = Literal["shifted", "same"]


class ModelConfig(Config):
    """A decoder-shaped trunk, complete: every number is written out, nothing is left to a library's default."""

    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    num_layers: int = Field(gt=0)
    num_heads: int = Field(gt=0)
    """Query heads."""
    num_kv_heads: int = Field(gt=0)
    """Key and value heads; fewer than `num_heads` is grouped-query attention (arXiv:2305.13245)."""
    intermediate_size: int = Field(gt=0)
    """Width inside the SwiGLU of each layer."""
    max_positions: int = Field(gt=0)
    """Longest sample, in positions, that the model is meant to read."""
    rope_theta: float = Field(10_000.0, gt=0.0)
    """Base of the rotary frequencies (arXiv:2104.09864)."""
    rms_norm_eps: float = Field(1e-5, gt=0.0)
    alignment: Alignment = "shifted"
    """Where a hidden token is predicted: `shifted` from the state before it, as in causal modelling, so that one head
    serves both (GPT-BERT, arXiv:2410.24159); `same` from its own position, as in BERT."""
    segments: int = Field(4, ge=1)
    """Rows of the segment table. Row 0 is zero for ever, so text of one segment never sees the table."""
    span_positions: int = Field(0, ge=0)
    """Rows of the table of places within a span; 0 is no table. `blank_infilling` needs one, two rows longer than its
    longest span. Row 0 is zero for ever, so text outside of spans never sees the table."""
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Probability, on the embeddings and on each layer's two residual branches."""

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


PRESETS: dict[str, dict[str, int]] = {
    "micro": {"hidden_size": 64, "num_layers": 2, "num_heads": 2},
    "tiny": {"hidden_size": 128, "num_layers": 4, "num_heads": 4},
    "mini": {"hidden_size": 192, "num_layers": 6, "num_heads": 6},
    "small": {"hidden_size": 384, "num_layers": 6, "num_heads": 6},
    "base": {"hidden_size": 768, "num_layers": 12, "num_heads": 12},
}
"""Name -> shape. With 32,000 tokens `base` has 110M parameters, with 50,000 it has 124M."""


def swiglu_width(hidden_size: int) -> int:
    """Returns 8/3 of the width, to the nearest 64: as many weights as a plain MLP of 4 times the width."""
    return max(64, round(hidden_size * 8 / 3 / 64) * 64)


class ModelChoice(Config):
    """A recipe's `model:`: a preset and what differs from it. None comes from the preset, or follows from it."""

    preset: str = "tiny"
    alignment: Alignment = "shifted"
    """As in `ModelConfig`."""
    hidden_size: int | None = Field(None, gt=0)
    num_layers: int | None = Field(None, gt=0)
    num_heads: int | None = Field(None, gt=0)
    num_kv_heads: int | None = Field(None, gt=0)
    """None: as many as `num_heads`."""
    intermediate_size: int | None = Field(None, gt=0)
    """None: 8/3 of `hidden_size`, to the nearest 64."""
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
        chosen: dict[str, Any] = PRESETS[self.preset] | self.model_dump(exclude={"preset"}, exclude_none=True)
        chosen.setdefault("num_kv_heads", chosen["num_heads"])
        chosen.setdefault("intermediate_size", swiglu_width(chosen["hidden_size"]))
        chosen.setdefault("max_positions", sequence_length)
        if chosen["max_positions"] < sequence_length:
            raise ValueError(
                f"max_positions is {chosen['max_positions']}, but sequences have {sequence_length} positions: "
                "raise it, or shorten sequence_length"
            )
        return ModelConfig(vocab_size=vocab_size, **chosen)
