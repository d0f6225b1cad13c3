# Every target does its own set-up: .venv and node_modules, from hash-locked files. What it needs is Python and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# A Node of our own lies there where the machine has none that is supported (tools/setup-node).
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup lint types imports unit e2e test test-all demo verify-aws bench docs dist lock node clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.packages: requirements/dev.lock tools/find-python
	python=$$(tools/find-python) && rm -rf $(VENV) && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	touch $@

$(VENV)/.ready: $(VENV)/.packages pyproject.toml requirements/lambda.lock tools/build_hook.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

# At every run: which Node is on PATH may have changed.
node: $(VENV)/.ready
	@tools/setup-node

node_modules/.ready: package.json package-lock.json | node
	npm ci --loglevel=error --no-audit --no-fund >/dev/null
	touch $@

setup: $(VENV)/.ready node node_modules/.ready ## everything a checkout needs, into .venv and node_modules

PYTEST := $(BIN)/python -m pytest
PRODUCT := src lambda tools examples
CHECKED := $(PRODUCT) tests

lint: setup ## style and imports
	$(BIN)/ruff check --quiet $(CHECKED)
	$(BIN)/ruff format --check --quiet $(CHECKED)

types: setup ## mypy --strict
	$(BIN)/mypy src lambda/registrar lambda/jitr tests tools/verify_aws

imports: setup ## who may import whom
	PYTHONPATH=lambda/registrar:lambda/jitr $(BIN)/lint-imports --no-cache

# Two at a time: a test that passes alone only, or after another only, is found out here.
unit: setup ## the quick tests
	$(PYTEST) -q -m "not e2e and not slow" --numprocesses 2 tests

# Four at a time, each with a local AWS of its own: half of the time they wait. Who is done early takes from the others.
e2e: setup ## the real CDK CLI against the local AWS
	$(PYTEST) -q -m "e2e and not slow" --numprocesses 4 --dist worksteal tests

test: lint types imports unit e2e ## everything that CI runs

test-all: lint types imports $(VENV)/.docs $(VENV)/.clients build/clients/.ready ## and what is too slow for every change
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -q -m "not e2e" --numprocesses 2 tests
	$(PYTEST) -q -m e2e --numprocesses 4 --dist worksteal tests

demo: setup ## one CA in three accounts of a local AWS, and a device that moves through them
	@tools/demo

verify-aws: setup ## try on AWS itself what docs/aws-assumptions.md assumes: ARGS="--profile a --profile b"
	@$(BIN)/python -m tools.verify_aws $(ARGS)

bench: setup ## figures, as ratios against a hand-written equivalent
	$(BIN)/python -m tests.bench

# Beside what dev.lock has: docs.lock is constrained by it.
$(VENV)/.docs: $(VENV)/.packages requirements/docs.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/docs.lock
	touch $@

# AWS's device SDKs, clients of the tests: 70 MB that no other target pays for.
$(VENV)/.clients: $(VENV)/.packages requirements/clients.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/clients.lock
	touch $@

build/clients/.ready: tests/clients/node/package.json tests/clients/node/package-lock.json | node
	mkdir -p build/clients
	cp $^ build/clients
	cd build/clients && npm ci --loglevel=error --no-audit --no-fund >/dev/null
	touch $@

docs: setup $(VENV)/.docs ## the documentation site, into build/site; what leads nowhere fails
	tools/docs build/site

dist: setup ## sdist and wheel, the same bytes from every checkout of a commit
	rm -rf dist
	umask 022 && $(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	cd dist && sha256sum *.tar.gz *.whl | tee SHA256SUMS

lock: $(VENV)/.packages ## write the lock files anew
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/lock

clean: ## remove what make made
	rm -rf $(VENV) node_modules build dist cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
