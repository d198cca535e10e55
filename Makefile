# callserver: every task a person or CI runs here. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
NEED   := .ci/need
RUN    := $(VENV)/.made-run
DEV    := $(VENV)/.made-dev
BENCH  := $(VENV)/.made-bench
AXE    := tests/e2e/node_modules/.made
PYTEST := $(BIN)/python -m pytest -m "not e2e" -n auto --dist worksteal
LOCKED := pyproject.toml constraints.txt
ARGS   ?=

# Compiled files stay: without them every process that a test or a bench starts takes two to three times as long to begin.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo venv compiled test lint unit scenario compiled-unit web-unit browser e2e measure measure-faults lock readme clean

help: ## this list
	@echo "callserver: voice and video support calls on your own server"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 16 | sed 's/^/  make /'

demo: $(RUN) ## start the server with a demo store and a demo agent (ARGS="--port 8081" for options)
	@echo "callserver demo: the store, the agent console and the server start now; Ctrl-C ends them."
	@exec $(BIN)/callserver demo $(ARGS)

venv: $(BENCH) compiled ## .venv with callserver and all that tests and benches need
	@echo "ready: $(BIN)/callserver"

compiled: $(DEV) ## machine code of the packet path and of judging calls: a third and half less CPU (a minute or two, if the sources changed)
	@$(NEED) compiler
	@$(BIN)/callserver compile

test: $(DEV) ## everything: lint, types, unit, scenario, pages, real browser
	@$(MAKE) -j2 compiled lint # a core each
	@$(MAKE) unit scenario compiled-unit web-unit e2e
	@echo "make test: all passed"

lint: $(DEV) ## ruff and mypy --strict
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== types"
	@$(BIN)/mypy

unit: $(DEV) ## unit tests, in virtual time
	@echo "== unit tests"
	@$(PYTEST) --ignore tests/e2e -m "not e2e and (interpreted or not scenario)" $(ARGS)

scenario: compiled ## calls through simulated links, in virtual time, the packet path as machine code
	@echo "== scenario tests"
	@$(PYTEST) --compiled $(ARGS) tests/scenario

compiled-unit: compiled ## unit tests of what is compiled once more, as machine code
	@echo "== unit tests of what is compiled, as machine code"
	@$(PYTEST) --compiled $(ARGS) $(addprefix tests/unit/media/,bridge bwe io quality receive send wire) tests/unit/callserver/quality

web-unit: ## the pages' pure modules, in node
	@echo "== tests of the pages' modules"
	@$(NEED) node
	@node --test $$(find tests/web -name '*.test.js' -o -name '*.test.mjs' | grep -v node_modules | sort)

browser: $(AXE) # Chromium, axe-core, a TURN server and Prometheus, found or installed
	@$(NEED) chromium >/dev/null
	@$(NEED) prometheus >/dev/null
	@$(NEED) turnserver >/dev/null

e2e: compiled browser ## the running product with real Chromium pages; screenshots go to artifacts/
	@echo "== end-to-end tests"
	@$(BIN)/python -m pytest -m e2e --compiled --durations=12 $(ARGS) tests/e2e

measure: $(DEV) browser ## time a call's steps in real browsers (ARGS="--runs 20")
	@$(BIN)/python -m tests.e2e.measure_browser $(ARGS)

measure-faults: $(DEV) browser ## time from faults of links and devices to /ops, in real pages (ARGS="--runs 3 --fault black")
	@$(BIN)/python -m tests.e2e.measure_faults $(ARGS)

lock: ## choose the newest versions pyproject.toml allows and write constraints.txt
	@$(NEED) python
	@rm -rf build/lock && mkdir -p build && "$$($(NEED) python)" -m venv build/lock
	@echo "installing everything without constraints (a minute or two) ..."
	@build/lock/bin/python -m pip --disable-pip-version-check install -q -e '.[test,lint,bench,voice,otel]'
	@{ echo '# Exact versions of everything we install, transitive ones included. Made by `make lock`; do not edit.'; \
	   build/lock/bin/python -m pip --disable-pip-version-check freeze --exclude-editable 2>/dev/null; } > constraints.txt
	@rm -rf build/lock
	@echo "constraints.txt: $$(grep -c == constraints.txt) packages"

readme: $(RUN) ## write the table of settings in README.md anew
	@PYTHONPATH=. $(BIN)/python -m tests.test_readme

clean: ## remove what make made (not data/)
	rm -rf $(VENV) callserver/compiled/*/ build artifacts *.egg-info tests/e2e/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(NEED) python >/dev/null
	@echo "making $(VENV) with $$($(NEED) python)"
	@"$$($(NEED) python)" -m venv $(VENV)

$(RUN): $(LOCKED) | $(BIN)/python
	@echo "installing callserver and what it runs on (about a minute the first time) ..."
	@$(PIP) install -q -c constraints.txt -e '.[voice]'
	@touch $@

$(DEV): $(LOCKED) | $(BIN)/python
	@echo "installing callserver with the tools of its tests (about a minute the first time) ..."
	@$(PIP) install -q -c constraints.txt -e '.[test,lint,compile]'
	@touch $(RUN) $@

$(BENCH): $(LOCKED) | $(BIN)/python
	@$(NEED) compiler
	@echo "installing callserver with the tools of its tests and benches (about a minute the first time) ..."
	@$(PIP) install -q -c constraints.txt -e '.[test,lint,bench,compile]'
	@touch $(RUN) $(DEV) $@

$(AXE): tests/e2e/package.json
	@$(NEED) npm
	@cd tests/e2e && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@
