# coord: everything a developer or CI runs. `make` lists it.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check bench chaos verified documents clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## set up, run coord on real work, print the story, and check it
	@$(BIN)/coord demo

test: $(READY) ## everything that must hold: all tests, check among them, on two cores or more
	@$(BIN)/pytest --numprocesses auto --maxprocesses 6 --dist worksteal

coverage: $(READY) ## all tests, with the lines they reach
	@$(BIN)/coverage erase
	@$(BIN)/coverage run $(BIN)/pytest

check: $(READY) ## what needs no running: format, lint, import contracts, types
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

bench: $(READY) ## measure, and compare with the bars
	@$(BIN)/coord bench

chaos: $(READY) ## blow upon blow for minutes, judged; CHAOS="--seconds 600 --seed 7 --nodes 3 --agents 500"
	@PYTHONPATH=tests $(BIN)/python -P -m chaos.long_runs $(CHAOS)

verified: $(READY) ## run every feature, and write into README what that proves
	@$(BIN)/python -P tests/feature_table.py

documents: $(READY) ## write the generated files that are committed
	@PYTHONPATH=tests $(BIN)/python -P tests/golden.py
	@PYTHONPATH=tests $(BIN)/python -P tests/drawings.py
	@PYTHONPATH=tests $(BIN)/python -P tests/frames.py

clean: ## remove everything that was built, the environment too
	@rm -rf .venv build dist .coverage .coverage.* .demo .bench .chaos .verify .hypothesis
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "coord needs Python 3.11 or newer; $(PYTHON) is" \
		"$$($(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null || echo missing)." \
		"Name another: make PYTHON=python3.12" >&2; exit 2; }
	@echo "installing into .venv (once) ..." >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --upgrade --no-compile -c constraints.txt pip setuptools
	@$(BIN)/pip install -qq --no-compile -c constraints.txt --no-build-isolation -e '.[dev,train,web,plot]'
	@$(BIN)/python -m compileall -q events services projections tui training_worker
	@touch $@
