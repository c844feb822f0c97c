# Two commands do everything on a fresh Debian or Ubuntu machine: `make demo` and `make test`.
# ARGS='…' is passed on to the program behind the target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-windows lint bench lock clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

demo: $(VENV)/.demo ## Run server and connector on this machine (ARGS=--check: the whole story by itself)
	@$(BIN)/dovetail demo $(ARGS)

test: $(VENV)/.test ## Run all tests (ARGS='-k booking': some of them)
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(ARGS)

test-windows: $(VENV)/.test ## Run the Windows tests under Wine, with real COM (ARGS as for test)
	@scripts/test-windows $(ARGS)

lint: $(VENV)/.test ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## Measure beside the peers (ARGS='--json slots': one, as JSON lines)
	@$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.test ## Write the versions now installed to requirements.lock
	@$(BIN)/python -m pip freeze --exclude-editable --exclude dovetail-calendar | grep -v ' @ ' > requirements.lock

clean: ## Remove all that the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.demo: pyproject.toml requirements.lock scripts/setup
	@PYTHON=$(PYTHON) scripts/setup demo

$(VENV)/.test: pyproject.toml requirements.lock scripts/setup
	@PYTHON=$(PYTHON) scripts/setup test
