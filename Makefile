# Every target sets itself up: python3 (3.11 or later) with venv and pip is all it needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export AWS_DEFAULT_REGION ?= us-east-1
export SAM_CLI_TELEMETRY = 0

.PHONY: help demo test check runtime-test chaos build clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: $(VENV)/run.stamp ## Two rollouts on this machine, one good and one bad, in seconds
	@$(BIN)/python -m rollout_cli.demo

test: $(VENV)/dev.stamp check ## Everything that must hold: check, and the whole test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist worksteal -q

check: $(VENV)/dev.stamp ## Lint, format, types, template
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/sam validate --lint 2>/dev/null

runtime-test: $(VENV)/dev.stamp ## The built functions under Lambda's own runtime, by HTTP (Linux)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -m runtime tests/runtime

N ?= 2000
SEED ?= 1
chaos: $(VENV)/run.stamp ## Rollouts broken on purpose, N=2000 of them from SEED=1 on; every law checked on each
	@$(BIN)/python -m benchmarks.chaos -n $(N) --seed $(SEED)

build: $(VENV)/dev.stamp ## What would be deployed, in .aws-sam/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam build

clean: ## Remove what make has made
	rm -rf $(VENV) .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/run.stamp: pyproject.toml requirements/run.txt
	@echo "Setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -r requirements/run.txt
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	@echo "Setting up $(VENV) for development …"
	@$(PIP) install -r requirements/dev.txt
	@touch $@
