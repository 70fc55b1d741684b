"""Smaller learning rates further down: what lies near the input is of use to every task and should change least.

Source: Howard and Ruder 2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning), as ELECTRA's fine-tuning
(Clark et al. 2020, arXiv:2003.10555, appendix B) does it.
"""

from lightning_modules.networks import Trunk


def rate_scales(trunk: Trunk, decay: float) -> dict[int, float]:
    """Returns id of a parameter -> what its learning rate is multiplied by; 1 for those that are not named.

    Heads, what stands in front of the text and the last norm have the full rate, of L layers layer i (from 0) has
    decay ** (L - i), the tables of embeddings decay ** (L + 1). With a decay of 1 nothing is named.

    Args:
        trunk: with its adapter applied; what an adapter adds to a layer goes with the layer.
        decay: from one layer to the one below.
    """
    if decay == 1.0:
        return {}
    layers = trunk.model.layers
    scales = {
        id(parameter): decay ** (len(layers) - index)
        for index, layer in enumerate(layers)
        for parameter in layer.parameters()
    }
    tables = filter(None, (trunk.model.embed_tokens, trunk.segments, trunk.span_positions))
    return scales | {id(table.weight): decay ** (len(layers) + 1) for table in tables}
