"""What a network weighs and costs, by arithmetic on its description."""

from lightning_modules.networks.config import ModelConfig


def count_parameters(config: ModelConfig) -> dict[str, int]:
    """Returns the parameters of a `Trunk`: `embedding` (all its tables), `trunk` (the rest), `total`.

    Heads of objectives are not among them; the output projection is the token table and counts once.
    """
    embedding = (config.vocab_size + config.segments + config.span_positions) * config.hidden_size
    norms = (2 * config.num_layers + 1) * config.hidden_size
    trunk = _matrix_parameters(config) + norms
    return {"embedding": embedding, "trunk": trunk, "total": embedding + trunk}


def flops_per_token(config: ModelConfig, sequence_length: int, vocabulary_positions: float = 1.0) -> float:
    """Returns floating-point operations of one training step (forward and backward) per position.

    A multiplication with its addition counts as 2; the backward costs twice the forward. Attention is counted
    over the whole square of `sequence_length`: a kernel that skips the masked half does less.

    Args:
        config: the network.
        sequence_length: positions of a row.
        vocabulary_positions: share of the positions whose state meets the vocabulary: 1.0 for causal modelling,
            the masking rate for masked modelling.

    Source: Kaplan et al. 2020, arXiv:2001.08361, table 1, with the output projection counted.
    """
    attention = 2 * config.num_layers * sequence_length * config.hidden_size
    output = config.vocab_size * config.hidden_size * vocabulary_positions
    return 6.0 * (_matrix_parameters(config) + attention + output)


def _matrix_parameters(config: ModelConfig) -> int:
    queries_and_output = 2 * config.hidden_size**2
    keys_and_values = 2 * config.hidden_size * config.num_kv_heads * config.head_size
    swiglu = 3 * config.hidden_size * config.intermediate_size
    return config.num_layers * (queries_and_output + keys_and_values + swiglu)
