"""Where what a model has written is run: programs in a process that can do nothing but compute, queries read-only."""

from lightning_modules.sandbox.programs import Limits, Verdict, run_program
from lightning_modules.sandbox.queries import QueryError, same_answer

__all__ = ["Limits", "QueryError", "Verdict", "run_program", "same_answer"]
