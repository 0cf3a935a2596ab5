# Every target sets up what it needs in .venv: Python 3.11+ with venv, make and a C compiler do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# One more than the two cores of CI: a fifth of the time is spent waiting for servers and devices.
WORKERS ?= 3
DEMO_HOME ?= demo-site
CRASHES ?= 1000

.DEFAULT_GOAL := help
.PHONY: help demo demo-stop story test coverage campaign lint bench docs lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "goldenbatch needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing goldenbatch into $(VENV) (a minute or two) ..."
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.demo: requirements-demo.lock $(VENV)/.base
	@echo "Installing the web interface and the twins of the demo plant ..."
	$(PIP) --require-hashes -r requirements-demo.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.base
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.demo ## a living plant with its site and pages, until Ctrl-C; DEMO=check: check it and end; RESET=1: new
	$(BIN)/goldenbatch demo $(DEMO_HOME) $(if $(filter check,$(DEMO)),--check) $(if $(RESET),--reset)

demo-stop: ## stop the demonstration that runs
	$(BIN)/goldenbatch demo $(DEMO_HOME) --stop

story: $(VENV)/.base ## the main job on a real fermentation, from measurement to verified dossier
	$(BIN)/goldenbatch demo demo-home --story

test: $(VENV)/.dev ## all tests, on 2 cores within 10 minutes
	$(PYTEST) -n $(WORKERS) --dist worksteal -q

coverage: $(VENV)/.dev ## the tests again, with the share of lines and branches that they reach
	$(PYTEST) -n $(WORKERS) --dist worksteal -q --cov=goldenbatch --cov-branch --cov-report=term:skip-covered

campaign: $(VENV)/.dev ## full fault campaigns; writes a dated report under docs/campaigns
	$(BIN)/python -m tests.campaign --crashes $(CRASHES)

lint: $(VENV)/.dev ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.dev ## speed and size, each as JSON in benchmarks/out
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev ## the documentation as a site, offline, in site/
	$(BIN)/mkdocs build --strict --quiet

lock: ## write the three locks again (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --extra build -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --extra demo -c requirements.lock -o requirements-demo.lock pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --extra dev -c requirements-demo.lock -o requirements-dev.lock pyproject.toml

clean: ## remove what the targets above made
	rm -rf $(VENV) $(DEMO_HOME) demo-home site .coverage* .mypy_cache .ruff_cache .pytest_cache
