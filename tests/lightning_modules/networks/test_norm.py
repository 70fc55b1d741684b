import torch
import torch.nn.functional as F

from lightning_modules.networks.norm import RMSNorm


def test_rms_norm_equals_torch_in_value_and_gradient():
    generator = torch.Generator().manual_seed(0)
    x, upstream = torch.randn(2, 3, 5, 8, dtype=torch.float64, generator=generator)
    norm = RMSNorm(8, eps=1e-5).double()
    norm.weight.data.normal_(generator=generator)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    weight = norm.weight.detach().clone().requires_grad_()

    found, expected = norm(ours), F.rms_norm(theirs, (8,), weight, 1e-5)
    found.backward(upstream)
    expected.backward(upstream)

    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(norm.weight.grad, weight.grad, rtol=1e-6, atol=1e-6)


def test_rms_norm_of_a_row_worked_out_by_hand():
    norm = RMSNorm(2, eps=0.0)

    torch.testing.assert_close(norm(torch.tensor([3.0, 4.0])), torch.tensor([3.0, 4.0]) / 12.5**0.5)


def test_rms_norm_of_zeros_is_zeros():
    assert RMSNorm(4, eps=1e-5)(torch.zeros(1, 4)).tolist() == [[0.0] * 4]
