"""How wide a layer is inside, where a recipe leaves it open, and how many parameters that makes.

The baselines are as large as the transformer they are compared with: the same number of layers and the same width
between them, the width inside chosen so that each layer has the transformer layer's parameters, to half a unit.
"""

import math

TAPS = 3
"""Positions that one convolution joins: the position itself and two before it."""


def swiglu_width(hidden_size: int) -> int:
    """Returns 8/3 of the width, to the nearest 64: as many weights as a plain MLP of 4 times the width."""
    return max(64, round(hidden_size * 8 / 3 / 64) * 64)


def transformer_layer(hidden_size: int, keys_size: int, intermediate_size: int) -> int:
    """Returns the parameters of a dense layer: four projections of attention, three of SwiGLU, two norms."""
    return 2 * hidden_size**2 + 2 * hidden_size * keys_size + 3 * hidden_size * intermediate_size + 2 * hidden_size


def lstm_layer(hidden_size: int, intermediate_size: int) -> int:
    """Returns the parameters of a layer: four gates over input and state, two biases each, the way back, one norm."""
    gates = 4 * intermediate_size * (hidden_size + intermediate_size + 2)
    return gates + hidden_size * intermediate_size + hidden_size


def convolution_layer(hidden_size: int, intermediate_size: int) -> int:
    """Returns the parameters of a layer: value and gate over all taps, the way back, one norm."""
    return (2 * TAPS + 1) * hidden_size * intermediate_size + hidden_size


def lstm_width(hidden_size: int, parameters: int) -> int:
    """Returns the state's size that makes an `lstm_layer` of so many parameters."""
    linear = 5 * hidden_size + 8
    return max(1, round((math.sqrt(linear**2 + 16 * (parameters - hidden_size)) - linear) / 8))


def convolution_width(hidden_size: int, parameters: int) -> int:
    """Returns the channels that make a `convolution_layer` of so many parameters."""
    return max(1, round((parameters - hidden_size) / ((2 * TAPS + 1) * hidden_size)))
