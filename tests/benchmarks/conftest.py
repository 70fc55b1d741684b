import pytest


@pytest.fixture(autouse=True)
def single_thread(one_thread: None) -> None:
    """Every benchmark in miniature."""
