# Two commands do everything on a fresh Debian or Ubuntu: `make demo` and `make test`.
.PHONY: help setup demo test lint long nightly bench clean
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv

help:
	@echo "make demo   set everything up and run the main job (a bulletin goes out, proved)"
	@echo "make test   set everything up, check style, types and layers, run every test"
	@echo "make long   the campaigns too slow for every run (many hours)"
	@echo "make bench  ours against the peers, side by side"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml uv.lock .ci/setup .ci/system-packages
	@PYTHON=$(PYTHON) .ci/setup
	@touch $@

demo: setup
	@.ci/system-packages demo
	@$(VENV)/bin/loa demo

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

test: setup
	@.ci/system-packages test
	@$(MAKE) --no-print-directory lint
	@.ci/tests

long nightly: setup
	@.ci/system-packages test
	@$(VENV)/bin/python -m bench.campaigns

bench: setup
	@.ci/system-packages test
	@$(VENV)/bin/loa bench audio

clean:
	rm -rf $(VENV) out build dist
