# Kinbridge: everything a person needs is one of these. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

PACKAGES := core ledger notices people policy scheduler rooms signaling recording legalaid web

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-media fuzz fix lock services migrations clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## sets everything up and serves a demonstration (PORT=8000, LAN=1 for phones on this network)
	@$(BIN)/kinbridge demo --port $(PORT) $(if $(LAN),--lan,)

# The calls of real browsers one after the other, and all else beside them with what they leave over (tests/__main__.py).
# The product starts many times: it is compiled once before. Some make networks of their own, which takes root;
# WITHOUT_NAMESPACES=1 leaves those out and counts them.
test: $(VENV)/.dev services ## sets everything up, browsers and databases included, and runs every test (ARGS=… for some)
ifdef ARGS
	@$(BIN)/python signaling/building.py
	@$(BIN)/python scheduler/assign/building.py
	$(BIN)/pytest $(ARGS)
else
	@$(BIN)/python signaling/building.py
	@$(BIN)/python scheduler/assign/building.py
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@$(BIN)/python -m tests
endif

check: $(VENV)/.dev ## lint, format, types, imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev services ## prints one JSON line per benchmark (ARGS="--minutes 60" for longer, ARGS="assign month" for some)
	@$(BIN)/python scheduler/assign/building.py
	@$(BIN)/python -m bench $(ARGS)

bench-media: $(VENV)/.dev ## calls over real ICE and DTLS-SRTP, against Janus (ARGS="--calls 10 --seconds 8" for less)
	@tools/services bench-media || echo "Without Janus, then."
	@$(BIN)/python signaling/building.py
	@$(BIN)/python -m bench.media $(ARGS)

fuzz: $(VENV)/.dev ## looks for inputs that break a parser (SECONDS=60 for each; TARGETS=… for some)
	@$(PIP) --require-hashes -r requirements/fuzz.txt
	@tools/services fuzz || echo "Without the relay in C, then."
	@$(BIN)/python -m tests.fuzz $(SECONDS) $(TARGETS)

fix: $(VENV)/.dev ## formats the code and mends what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## makes requirements/*.txt anew (needs uv)
	tools/lock

services: ## installs the browsers and servers the tests need, or says which are missing
	@tools/services

clean: ## removes the environment and all data under var/
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@tools/python-check $(PYTHON)
	$(PYTHON) -m venv $(VENV)

# The stamps are newer than the lock files when everything that they name is installed.
$(VENV)/.run: requirements/run.txt pyproject.toml $(wildcard signaling/csrc/* scheduler/assign/csrc/*) | $(VENV)/bin/python
	@echo "Installing what Kinbridge stands on …"
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests and checks need …"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
