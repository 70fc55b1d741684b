import pytest
import torch

from lightning_modules.hardware import HardwareConfig, resolve


def on_cpu(monkeypatch: pytest.MonkeyPatch, native_bf16: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native_bf16)


@pytest.mark.parametrize(("native_bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_cpu_takes_the_fastest_precision_it_computes_itself(
    monkeypatch: pytest.MonkeyPatch, native_bf16: bool, precision: str
):
    on_cpu(monkeypatch, native_bf16)

    hardware = resolve(HardwareConfig())

    assert (hardware.accelerator, hardware.precision, hardware.threads) == ("cpu", precision, 2)


def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)

    hardware = resolve(HardwareConfig(devices=2, strategy="ddp"))

    assert (hardware.accelerator, hardware.precision) == ("cuda", "bf16")
    with pytest.raises(ValueError, match="devices=3 on cuda: this machine has 2 GPUs"):
        resolve(HardwareConfig(devices=3, strategy="ddp"))


def test_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch):
    on_cpu(monkeypatch)

    assert resolve(HardwareConfig(devices=2, strategy="ddp")).threads == 1
    assert resolve(HardwareConfig(threads=8)).threads == 8


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (HardwareConfig(precision="fp16"), "'fp16' needs a CUDA device"),
        (HardwareConfig(devices=2, strategy="fsdp"), "'fsdp' cannot be trained yet"),
        (HardwareConfig(devices=3, strategy="ddp"), "devices=3 on cpu: this machine has 2"),
    ],
)
def test_what_a_cpu_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch, config: HardwareConfig, message: str):
    on_cpu(monkeypatch)

    with pytest.raises(ValueError, match=message):
        resolve(config)


@pytest.mark.parametrize(("devices", "strategy"), [(1, "ddp"), (2, "single")])
def test_strategy_must_go_with_the_devices(devices: int, strategy: str):
    with pytest.raises(ValueError, match=f"strategy '{strategy}' does not go with devices={devices}"):
        HardwareConfig(devices=devices, strategy=strategy)  # type: ignore[arg-type]
