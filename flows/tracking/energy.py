"""Energy of a stage, in kWh, with the way it was found: a figure without its method cannot be compared.

Counters, where the machine shows them: RAPL (Linux powercap, processor packages, root only on many systems) and NVML
(GPUs of Volta and later). They count the whole machine, so other work running at the same time is included.
Otherwise the processor's part is CPU seconds of this process and of all its descendants times a stated constant, which
leaves out memory, disks and an idle machine's draw: a lower bound, never silently 0.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_POWERCAP = Path("/sys/class/powercap")
_JOULES_PER_KWH = 3.6e6
_SAMPLE_SECONDS = 60.0
"""A package counter wraps at about 262 kJ: 11 minutes at 400 W."""


@dataclass(frozen=True)
class EnergyReading:
    """What a piece of work took."""

    kwh: float
    method: str
    """'rapl', 'cpu_time x 7 W', each with '+ nvml' where GPUs were counted."""
    seconds: float


@dataclass
class Meter:
    """Counts from its creation; `reading` is final once the `measure` block has ended."""

    watts_per_core: float
    reading: EnergyReading = field(init=False)

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._cpu_seconds = cpu_seconds()
        self._packages = {path: joules for path in _packages() if (joules := _read_joules(path)) is not None}
        self._package_joules = 0.0
        self._gpu_joules = _gpu_joules()
        self.reading = EnergyReading(0.0, "running", 0.0)

    def sample(self) -> None:
        """Adds what the packages used since the last sample; must run more often than their counters wrap."""
        for path, before in self._packages.items():
            now = _read_joules(path)
            if now is None:
                continue
            wrapped = _read_joules(path, "max_energy_range_uj") or 0.0
            self._package_joules += now - before if now >= before else now - before + wrapped
            self._packages[path] = now

    def stop(self) -> None:
        """Sets `reading`."""
        if self._packages:
            self.sample()
            joules, method = self._package_joules, "rapl"
        else:
            joules = (cpu_seconds() - self._cpu_seconds) * self.watts_per_core
            method = f"cpu_time x {self.watts_per_core:g} W"
        gpu_joules = _gpu_joules()
        if gpu_joules is not None and self._gpu_joules is not None:
            joules += gpu_joules - self._gpu_joules
            method += " + nvml"
        self.reading = EnergyReading(joules / _JOULES_PER_KWH, method, time.monotonic() - self._started)


@contextlib.contextmanager
def measure(watts_per_core: float = 7.0) -> Iterator[Meter]:
    """Measures what the block takes, also when it raises.

    Use it as `with measure() as meter: ...` and read `meter.reading.kwh` afterwards.
    """
    meter = Meter(watts_per_core)
    ended = threading.Event()

    def sample_until_the_end() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            meter.sample()

    sampler = threading.Thread(target=sample_until_the_end, name="energy", daemon=True)
    sampler.start()
    try:
        yield meter
    finally:
        ended.set()
        sampler.join()
        meter.stop()


def cpu_seconds() -> float:
    """User and system time of this process and of all its descendants, the ended ones that were waited for included.

    Living ones count, because the launcher of the trainings lives as long as the flow and knows what they took.
    """
    this = psutil.Process()
    total = 0.0
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile, and its parent's time has grown
            total += sum(process.cpu_times()[:4])  # user, system, and the same of its ended children
    return total


def _packages() -> list[Path]:
    # 'intel-rapl:0' is a package (AMD's too); 'intel-rapl:0:1' is a part of it and would be counted twice.
    return sorted(path for path in _POWERCAP.glob("intel-rapl:*") if path.name.count(":") == 1)


def _read_joules(path: Path, file: str = "energy_uj") -> float | None:
    try:
        return int((path / file).read_text()) / 1e6
    except (OSError, ValueError):
        return None


def _gpu_joules() -> float | None:
    """Sum over all GPUs since the driver was loaded; None without a GPU that counts."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        count = ctypes.c_uint()
        nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
        millijoules = 0
        for index in range(count.value):
            device, used = ctypes.c_void_p(), ctypes.c_ulonglong()
            nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device))
            if nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(used)) != 0:
                return None
            millijoules += used.value
        return millijoules / 1e3 if count.value else None
    finally:
        nvml.nvmlShutdown()
