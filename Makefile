# Two commands do everything: `make demo` and `make test`.
BIN := .venv/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check lint format types imports budgets bench docs \
        run-venv dev-venv servers clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

demo: run-venv ## A simulated cluster with faults: the page and the messages to look at
	@exec $(BIN)/gpuwatch demo $(ARGS)

test: dev-venv servers check ## Everything that must hold: check, then all tests
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist loadfile $(ARGS)

check: dev-venv lint types imports budgets ## Style, types, import direction, budgets

lint: dev-venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: dev-venv ## Mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: dev-venv
	$(BIN)/mypy

imports: dev-venv
	$(BIN)/lint-imports --no-logo

budgets: dev-venv
	$(BIN)/python -m tools.budgets

bench: dev-venv ## Timings, side by side in one run
	$(BIN)/python -m bench $(ARGS)

docs: dev-venv ## Rewrite what is generated from the rules and the metric catalogue
	$(BIN)/python -m tools.docs

run-venv:
	@tools/bootstrap.sh run

dev-venv:
	@tools/bootstrap.sh dev

servers:
	@tools/test-servers.sh

clean: ## Remove the virtual environment and all caches
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache .coverage
