"""Settings of generation."""

from typing import Literal, Self

from pydantic import Field, model_validator

from data.config import Config


class DecodingConfig(Config):
    """How an answer is chosen among all possible ones."""

    max_new_tokens: int = Field(64, gt=0)
    """Longest answer, eos included."""
    min_new_tokens: int = Field(0, ge=0)
    """An answer ends no sooner than after so many tokens, eos aside."""
    beams: int = Field(1, gt=0)
    """Hypotheses kept at each step; 1 is greedy."""
    length_penalty: float = Field(1.0, ge=0.0)
    """Hypotheses are ranked by log-probability / length to this power; 0 favours short ones (Wu et al. 2016)."""
    temperature: float = Field(0.0, ge=0.0)
    """0 takes the most probable; above, tokens are drawn from the softmax of logits / temperature."""
    top_k: int | None = Field(None, gt=0)
    """Draw among so many most probable tokens only."""
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    """Draw among the fewest tokens that hold this probability."""
    repetition_penalty: float = Field(1.0, ge=1.0)
    """Logits of tokens that the answer holds already are divided by it where positive, multiplied where negative
    (Keskar et al. 2019, section 4.1); 1 changes nothing. What the prompt holds is not penalized: answers may quote."""
    no_repeat_ngram: int = Field(0, ge=0)
    """No run of so many tokens occurs twice in an answer; 0 allows all."""
    keywords: Literal["ignored", "forced"] = "ignored"
    """What becomes of the words that an example's `constraints.keywords` ask for. `forced`: an answer does not end
    before it holds them, and they are written out where the model would end or the room runs short."""
    samples: int = Field(1, gt=0)
    """Answers drawn to each prompt; one is given, all are kept for the metrics that ask for several."""
    choose: Literal["first", "likeliest", "constraints"] = "first"
    """Which of them is given. `likeliest`: of the highest log-probability a token. `constraints`: the one that keeps
    most of the example's `constraints` (keywords, length, sentiment), of equals the likeliest."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.temperature and self.beams > 1:
            raise ValueError(f"beams={self.beams} and temperature={self.temperature:g}: search or draw, not both")
        if self.samples > 1 and not self.temperature:
            raise ValueError(f"samples={self.samples} would all be the same: set temperature above 0, for example 0.8")
        if self.choose != "first" and self.samples == 1:
            raise ValueError(f"choose={self.choose} has nothing to choose from: set samples to 2 or more")
        if self.min_new_tokens >= self.max_new_tokens:
            raise ValueError(
                f"min_new_tokens={self.min_new_tokens} leaves eos no room in max_new_tokens={self.max_new_tokens}; "
                "lower the first or raise the second"
            )
        return self
