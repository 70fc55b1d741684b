# What is done often. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# The package index that torch alone comes from, for its CPU build or another CUDA (README, "Installing"). Empty: the
# default index. The environment remembers it.
TORCH_INDEX ?= $(shell cat $(VENV)/.torch 2>/dev/null)

export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS ?= 180
export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
export DO_NOT_TRACK ?= 1

.DEFAULT_GOAL := help
.PHONY: help env demo showcase test check format lint types unit e2e ui clean

help: ## list these targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/.installed ## from a raw corpus to a registered model on two cores; again: everything is reused
	$(BIN)/stagelm run demo

showcase: $(VENV)/.installed ## the same flow with a larger network and about an hour
	$(BIN)/stagelm run showcase

env: $(VENV)/.installed-dev ## .venv with everything the tests need

test: lint types unit ## lint, types and tests; makes the environment if it is missing

check: format test ## format, then everything `make test` does: before a push

format: $(VENV)/.installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(VENV)/.installed-dev
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

e2e: $(VENV)/.installed-dev ## a real Prefect server, worker, schedules, kills and a browser (see tests/e2e)
	$(BIN)/python -m pytest -m e2e tests/e2e

ui: $(VENV)/.installed ## Prefect's and MLflow's pages, on this machine only; ends with Ctrl-C
	$(BIN)/python -P -m flows.ui

clean: ## remove .venv and caches; the store (runs/) stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find data flows lightning_modules tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' || { \
	  echo "StageLM needs Python 3.11 or 3.12; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Without its dependencies: those come from the default index, where the pinned versions are.
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	$(if $(TORCH_INDEX),$(INSTALL) --index-url $(TORCH_INDEX) --no-deps --force-reinstall torch)
	@echo $(TORCH_INDEX) > $@
ifneq ($(TORCH_INDEX),$(shell cat $(VENV)/.torch 2>/dev/null))
.PHONY: $(VENV)/.torch
endif

$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "installing into $(VENV) (some minutes, 2.4 GB on disk with the CPU build of torch)"
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) -e '.[dev]'
	@touch $@
