# What a contributor and CI run; `make help` lists it. Needs python3 (3.11 or later) with venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Errors only, so that nothing of this machine (index addresses, cache folders) gets into a log.
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq install --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt
BENCH   = mkdir -p build/bench && $(BIN)/python -m pytest benchmarks -q --benchmark-only --benchmark-disable-gc \
          --benchmark-columns=min,median,rounds --benchmark-sort=name --benchmark-json=build/bench/run.json

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench bench-baseline quality docs golden samples clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# The two stamps are newer than the inputs once everything pinned is installed.
$(VENV)/.runtime: $(INPUTS)
	@echo "Installing the pinned dependencies into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) hatchling
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime $(INPUTS)
	@echo "Installing the pinned development tools into $(VENV)"
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev $(INPUTS)
	@echo "Installing the pinned peers of the benchmarks into $(VENV)"
	@$(PIP) --no-build-isolation --editable '.[dev,bench]'
	@touch $@

demo: $(VENV)/.runtime  ## analyse the samples: a table here, the report in out.html
	$(BIN)/lmgraph analyze samples/ --html out.html --force

test: lint  ## every check that CI runs
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## style, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Ratios to other tools are another matter: python -m benchmarks.targets (benchmarks/README.md).
bench: $(VENV)/.bench  ## benchmarks: is anything slower than the saved baseline
	$(BENCH)
	$(BIN)/python -m benchmarks.regression build/bench/run.json

bench-baseline: $(VENV)/.bench  ## run the benchmarks, make what they say the baseline
	$(BENCH)
	$(BIN)/python -m benchmarks.regression build/bench/run.json --save

# What is finished is kept in build/: an interrupted run goes on there, unless the code has changed.
quality: $(VENV)/.dev  ## find attacks in some 300 simulated worlds, write docs/quality.md (an hour)
	$(BIN)/python -m benchmarks.quality --results build/quality.ndjson --json build/quality.json

docs: $(VENV)/.dev  ## write what is generated in docs/ anew, and check what the docs say
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_readme.py
	$(BIN)/python -m pytest -q tests/test_docs.py

samples: $(VENV)/.runtime  ## write the sample files anew (same bytes every time)
	$(BIN)/python samples/make_samples.py

golden: $(VENV)/.runtime  ## pin what the samples give; read the difference before committing it
	$(BIN)/python tests/golden/make_golden.py

clean:  ## remove everything that the targets above made
	rm -rf $(VENV) out.html build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
