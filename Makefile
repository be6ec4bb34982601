# menpiao: everything a person or a machine runs on this repository.
# One Python environment in .venv; every package is checked against the hashes in requirements/.

PYTHON ?= python3
BIN := .venv/bin
# Tests wait more than they count: one process for each core, a file's tests in one of them.
WORKERS ?= auto
LOCKS := requirements/build.txt requirements/run.txt requirements/dev.txt
COMPILE := pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
	--no-annotate --python-version 3.11
UV = $$(command -v uv || echo $(BIN)/uv)
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help install demo test check fmt lint types contracts shape pictures system lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

install: .venv/.dev ## make .venv with everything needed to work on menpiao

.venv/.dev: scripts/environment.sh pyproject.toml $(LOCKS)
	@PYTHON=$(PYTHON) scripts/environment.sh dev

.venv/.run: scripts/environment.sh pyproject.toml requirements/build.txt requirements/run.txt
	@PYTHON=$(PYTHON) scripts/environment.sh run

demo: ## start a whole scenic area on this machine and say where to look
	@if [ -e .venv/.dev ]; then $(MAKE) .venv/.dev; else $(MAKE) .venv/.run; fi
	@exec $(BIN)/menpiao demo

test: system install ## run every test
	@echo "== tests"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: lint types contracts shape test ## everything CI runs

lint: install ## style and format
	@echo "== lint (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install ## types
	@echo "== types (mypy, strict)"
	@$(BIN)/mypy

contracts: install ## who may import whom
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

shape: install ## lengths, annotations, broad excepts, stubs, leaks
	@echo "== shape"
	@$(BIN)/python scripts/shape.py

fmt: install ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

pictures: install ## take docs/images anew, from a demo in a folder of its own
	@$(BIN)/python scripts/pictures.py

system: ## the Debian packages the tests use (installed when root, named otherwise)
	@scripts/system-packages.sh

lock: install ## write the locks in requirements/ anew from pyproject.toml
	@command -v uv >/dev/null || [ -x $(BIN)/uv ] || $(BIN)/pip install --quiet uv
	@echo "== locks"
	@printf 'hatchling>=1.27\neditables\n' | $(UV) $(COMPILE) - -o requirements/build.txt >/dev/null
	@$(UV) $(COMPILE) pyproject.toml --extra centre -o requirements/run.txt >/dev/null
	@$(UV) $(COMPILE) pyproject.toml --extra centre --group dev -o requirements/dev.txt >/dev/null
	@git --no-pager diff --stat -- requirements

clean: ## remove the environment and what tools left behind (never data/)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean"
