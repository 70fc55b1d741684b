"""The record in MLflow; the only importer of mlflow.

`settings` says where and what, `runs` writes a pipeline and its stages, `registry` keeps the models, `energy` measures.
Import the modules, not this package: none of them imports mlflow before something is sent.
"""
