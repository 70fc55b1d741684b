"""Energy of a block of work; the counters of a machine are played by files."""

import subprocess
import sys

import pytest

from flows.tracking import energy
from flows.tracking.energy import measure


@pytest.fixture(autouse=True)
def no_counters(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "_POWERCAP", tmp_path)
    monkeypatch.setattr(energy, "_gpu_joules", lambda: None)


def package(folder, name: str, microjoules: int) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text("10000000\n")


def test_without_counters_it_is_cpu_time_of_children_too():
    with measure(watts_per_core=10.0) as meter:
        subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    assert meter.reading.method == "cpu_time x 10 W"
    assert 0 < meter.reading.kwh < 10.0 * 60 / 3.6e6
    assert meter.reading.seconds > 0


def test_work_of_a_grandchild_counts_while_the_child_that_waited_for_it_lives():
    """As trainings are run: by a launcher that outlives them."""
    burn = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    script = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('done'); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with (
        measure(watts_per_core=10.0) as meter,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        meter.stop()
        kwh_while_it_lives = meter.reading.kwh
        child.stdin.close()

    assert kwh_while_it_lives >= 0.5 * 10.0 / 3.6e6


def test_packages_are_added_and_their_parts_are_not(tmp_path):
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        package(tmp_path, name, 1_000_000)
    with measure() as meter:
        for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
            package(tmp_path, name, 4_600_000)

    assert meter.reading.method == "rapl"
    assert meter.reading.kwh == pytest.approx(2 * 3.6 / 3.6e6)


def test_counter_that_wrapped_is_counted_over_its_range(tmp_path):
    package(tmp_path, "intel-rapl:0", 9_000_000)
    with measure() as meter:
        package(tmp_path, "intel-rapl:0", 500_000)

    assert meter.reading.kwh == pytest.approx(1.5 / 3.6e6)


def test_gpus_are_added_and_named(monkeypatch):
    readings = iter((100.0, 3700.0))
    monkeypatch.setattr(energy, "_gpu_joules", lambda: next(readings))
    with measure() as meter:
        pass

    assert meter.reading.method == "cpu_time x 7 W + nvml"
    assert meter.reading.kwh == pytest.approx(1e-3, rel=1e-2)


def test_work_that_fails_is_measured():
    with pytest.raises(RuntimeError, match="midway"), measure() as meter:
        raise RuntimeError("midway")

    assert meter.reading.method != "running"
