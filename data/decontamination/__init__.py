"""Test examples in training text: found by n-grams, reported example by example, and taken out."""

from data.decontamination.config import DecontaminationConfig, EvaluationTable, against_key
from data.decontamination.evaluation import Evaluation, read_artifact, read_table_of
from data.decontamination.overlap import OVERLAP_SCHEMA, Overlap, find_overlap, read_overlap

__all__ = [
    "OVERLAP_SCHEMA",
    "DecontaminationConfig",
    "Evaluation",
    "EvaluationTable",
    "Overlap",
    "against_key",
    "find_overlap",
    "read_artifact",
    "read_overlap",
    "read_table_of",
]
