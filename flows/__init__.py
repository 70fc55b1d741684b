"""In what order the work runs, and what record it leaves: Prefect, MLflow, paths and the command line."""
