"""In which dtype the matrix products run."""

import torch
from torch import Tensor


def compute_dtype(x: Tensor) -> torch.dtype:
    """Returns autocast's dtype on the device of `x` where autocast is on, else that of `x`."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
