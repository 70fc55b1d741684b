"""All that a run prints (`console`), its page (`page`), and two runs side by side (`comparison`).

Reads records and artifacts only; needs neither MLflow nor Prefect.
"""
