# Every target sets itself up: python3 (3.11 or later) with venv and pip is all it needs.
.DEFAULT_GOAL := help
# A pyenv that lacks the version of .python-version refuses to run python3 at all; any from 3.11 on will do here.
PYTHON ?= $(shell python3 --version > /dev/null 2>&1 && echo python3 || echo "env PYENV_VERSION=$$(pyenv global) python3")
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export AWS_DEFAULT_REGION ?= us-east-1
export SAM_CLI_TELEMETRY = 0

.PHONY: help demo test test-fast test-slow test-all check audit runtime-test chaos mutants build release clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: $(VENV)/run.stamp ## Two rollouts on this machine, one good and one bad, in seconds
	@$(BIN)/python -m rollout_cli.demo

JOBS ?= 2
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q
CHECK := $(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy && $(BIN)/sam validate --lint

# Side by side, for the types are checked on one core. What check says is shown when the tests are through.
test: $(VENV)/dev.stamp ## What must hold before a commit: check, and all tests but the slow ones (JOBS=2 at a time)
	@log=$$(mktemp); { $(CHECK); } > "$$log" 2>&1 & check=$$!; trap 'kill $$check; exit 130' INT TERM; \
	$(PYTEST) -m "not slow and not runtime"; tests=$$?; \
	wait $$check; checked=$$?; \
	if [ $$checked -eq 0 ]; then echo "check: lint, format, types and template are clean"; else cat "$$log"; fi; \
	rm -f "$$log"; [ $$tests -eq 0 ] && [ $$checked -eq 0 ]

test-fast: $(VENV)/dev.stamp ## While you work: the core, the functions, and the contracts of the adapters
	@$(PYTEST) -m "not slow and not runtime" tests/core tests/functions tests/contract

test-slow: $(VENV)/dev.stamp ## What make test leaves out: whole days and long scenarios, sam build, Lambda's own runtime
	@$(PYTEST) -m "slow or runtime"

test-all: test test-slow ## Everything, as in continuous integration

check: $(VENV)/dev.stamp ## Lint, format, types, template
	@$(CHECK) 2>/dev/null

AUDIT := .venv-audit
SHIPPED := aws-lambda-powertools pydantic pydantic_core annotated-types typing-inspection typing_extensions jmespath
PERMISSIVE := MIT;MIT License;MIT-0;MIT No Attribution License (MIT-0);PSF-2.0;Apache-2.0;BSD-3-Clause
audit: $(VENV)/dev.stamp $(AUDIT)/stamp ## Security of the template and of what is installed; licences of what ships
	@$(AUDIT)/bin/checkov --config-file .checkov.yaml
	@$(AUDIT)/bin/pip-licenses --python $(BIN)/python --packages $(SHIPPED) --partial-match --allow-only "$(PERMISSIVE)"
	@$(AUDIT)/bin/pip-audit --requirement requirements/run.txt --no-deps --disable-pip --progress-spinner off

runtime-test: $(VENV)/dev.stamp ## The built functions under Lambda's own runtime, by HTTP (Linux)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -m runtime tests/runtime

N ?= 2000
SEED ?= 1
chaos: $(VENV)/run.stamp ## Rollouts broken on purpose, N=2000 of them from SEED=1 on, each law checked; RESUME=yes goes on
	@$(BIN)/python -m benchmarks.chaos -n $(N) --seed $(SEED) --jobs $(JOBS) $(if $(filter yes,$(RESUME)),--resume)

mutants: $(VENV)/dev.stamp ## Small changes of the code, 300 of them drawn by a seed: how many do the tests notice?
	@$(BIN)/python -m benchmarks.mutants

build: $(VENV)/dev.stamp ## What would be deployed, in .aws-sam/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam build
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/compile-functions

release: $(VENV)/dev.stamp ## VERSION=0.2.0: wheel and SAM package in dist/; RELEASE=yes commits and tags, too
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/release.py "$(VERSION)" $(if $(filter yes,$(RELEASE)),--tag)

clean: ## Remove what make has made
	rm -rf $(VENV) $(AUDIT) .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis

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

$(AUDIT)/stamp: requirements/audit.txt
	@echo "Setting up $(AUDIT) …"
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip --disable-pip-version-check --quiet install -r requirements/audit.txt
	@touch $@
