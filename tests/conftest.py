"""What every test runs in: no network, no telemetry, and nothing of the machine's own stores, caches and servers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(tempfile.mkdtemp(prefix="stagelm-tests-"))

# Set before any import, because Prefect, MLflow, matplotlib and huggingface_hub read them once.
os.environ |= {
    "DO_NOT_TRACK": "1",
    "HF_HOME": str(HOME / "huggingface"),
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "Agg",
    "PREFECT_HOME": str(HOME / "prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "TOKENIZERS_PARALLELISM": "false",
}
for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID", "PREFECT_API_URL", "STAGELM_FAULT"):
    os.environ.pop(variable, None)


@pytest.fixture(autouse=True)
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives each test its own store and download cache."""
    monkeypatch.setenv("STAGELM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("STAGELM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, whose sums are the same on every machine."""
    import torch  # only where it is wanted: it takes seconds

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
