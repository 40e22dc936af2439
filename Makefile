# callgate: every command that a developer or a stranger needs. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TSC    := $(BIN)/node node_modules/typescript/bin/tsc -p .
LINT   := $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(TSC)
JOBS   ?= 4
TESTS  := $(BIN)/pytest --numprocesses $(JOBS) --no-loadscope-reorder
export PYTHON
# LAB=docker runs the lab's Asterisk in a container, from asterisk/Dockerfile; LAB=system and LAB=root are the others.
export CALLGATE_ASTERISK ?= $(LAB)

.DEFAULT_GOAL := help
.PHONY: help setup check test demo lab-up lab-down bench lock clean
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## what the rest needs: programs, .venv, an Asterisk in the cache (done already: a moment)
	@lab/setup.sh all

check: ## seconds: lint, types, and the tests that need no server
	@lab/setup.sh python
	$(LINT)
	$(TESTS) -q -m 'not lab and not server and not docker'

test: setup ## everything: lint, types, and all tests, real Asterisk and Redis included; JOBS=1 one after another
	$(LINT)
	$(TESTS)

demo: ## real calls that show each promise, here or in a container where only Docker is there; ONCE=1 exits after them
	@lab/demo.sh

lab-up: setup ## a lab to call by hand, in the background; CARRIER=none leaves the carrier's address free
	@$(BIN)/python -m lab up

lab-down: ## end that lab, and remove what it left
	@$(BIN)/python -m lab down

bench: setup ## measure callgate beside what people use today; ONLY=gate for one part
	@$(BIN)/python -m bench

# No host of a package index is written into a lock; the build backend is locked too (lab/setup.sh installs without one).
PIP_COMPILE = CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host pyproject.toml requirements.in

lock: ## write the lock files anew from pyproject.toml
	$(PIP_COMPILE) --output-file requirements.lock
	$(PIP_COMPILE) requirements-dev.in --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove what was made here; the Asterisk in the cache stays
	rm -rf $(VENV) node_modules .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
