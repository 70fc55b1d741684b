"""What a network weighs and costs, by arithmetic on its description."""

from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.widths import convolution_layer, lstm_layer, transformer_layer


def count_parameters(config: ModelConfig) -> dict[str, int]:
    """Returns the parameters of a `Trunk`: `embedding` (all its tables), `trunk` (the rest), `total`.

    Heads of objectives are not among them; the output projection is the token table and counts once.
    """
    embedding = (config.vocab_size + config.segments + config.span_positions) * config.hidden_size
    trunk = config.num_layers * _layer_parameters(config) + config.hidden_size
    return {"embedding": embedding, "trunk": trunk, "total": embedding + trunk}


def flops_per_token(config: ModelConfig, sequence_length: int, vocabulary_positions: float = 1.0) -> float:
    """Returns floating-point operations of one training step (forward and backward) per position.

    A multiplication with its addition counts as 2; the backward costs twice the forward. Attention is counted
    over the whole square of `sequence_length`: a kernel that skips what a mask hides does less. Of experts, those that
    a position is sent to are counted, with the router.

    Args:
        config: the network.
        sequence_length: positions of a row.
        vocabulary_positions: share of the positions whose state meets the vocabulary: 1.0 for causal modelling,
            the masking rate for masked modelling.

    Source: Kaplan et al. 2020, arXiv:2001.08361, table 1, with the output projection counted.
    """
    attention = 2 * sequence_length * config.hidden_size if config.attends else 0
    output = config.vocab_size * config.hidden_size * vocabulary_positions
    return 6.0 * (config.num_layers * (_layer_products(config) + attention) + output)


def _layer_parameters(config: ModelConfig) -> int:
    width, inner = config.hidden_size, config.intermediate_size
    match config.architecture:
        case "lstm":
            return lstm_layer(width, inner)
        case "convolution":
            return convolution_layer(width, inner)
    dense = transformer_layer(width, config.num_kv_heads * config.head_size, inner)
    experts = 0 if config.experts == 1 else (config.experts - 1) * 3 * width * inner + config.experts * width
    norms = 2 * config.head_size if config.qk_norm else 0
    return dense + experts + norms


def _layer_products(config: ModelConfig) -> int:
    """Parameters of a layer that multiply the states of one position."""
    width, inner = config.hidden_size, config.intermediate_size
    match config.architecture:
        case "lstm":
            return lstm_layer(width, inner) - 8 * inner - width
        case "convolution":
            return convolution_layer(width, inner) - width
    dense = transformer_layer(width, config.num_kv_heads * config.head_size, inner) - 2 * width
    active = 0 if config.experts == 1 else (config.experts_per_token - 1) * 3 * width * inner + config.experts * width
    return dense + active
