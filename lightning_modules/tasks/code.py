"""Programs that pass tests. Several are drawn to each task; see `metrics/programs.py`."""

from lightning_modules.tasks.kind import TaskKind

CODE = TaskKind(
    objective="prefix_lm",
    answers="text",
    metrics=("pass_at_1", "pass_at_5", "bits_per_byte"),
    baselines=("nearest",),
    needs=frozenset({"tests"}),
    least_samples=5,
)
