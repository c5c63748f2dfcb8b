# `make run` serves the example, `make test` proves the tree.  Both set up all that they need.

VENV := .venv
BIN := $(VENV)/bin
METADATA := setup.cfg pyproject.toml uwsgid/_version.py
#: How many processes run tests at a time.
JOBS ?= $(shell nproc)
BENCHES := requests protocols tuntap emperor logs

#: Where the wheel is tested, and what is in the wheel.
WHEEL_VENV := .venv-wheel
WHEEL_SOURCES := $(METADATA) .ci/build_backend.py .ci/wheel-venv $(shell find uwsgid twisted -name '*.py')

.PHONY: help run test venv lint types floors docs py compiled live interpreters bench fuzz packages clean
.DEFAULT_GOAL := help

help: ## say what can be made
	@sed -n 's/^\([a-z%-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.stamp-run ## serve examples/hello.ini on http://127.0.0.1:8080, in the foreground
	@exec $(BIN)/uwsgid examples/hello.ini

test: packages lint types floors docs py compiled ## everything that has to pass

venv: $(VENV)/.stamp-dev ## make or refresh .venv, with the tools of developers

# A half-made environment must not count as made, so the stamp is touched last.
$(VENV)/.stamp-run: $(METADATA)
	@echo "Preparing $(VENV)"
	@.ci/venv $(VENV)
	@touch $@

$(VENV)/.stamp-dev: $(METADATA)
	@echo "Preparing $(VENV) with the tools of developers"
	@.ci/venv $(VENV) test,lint,docs
	@touch $@ $(VENV)/.stamp-run

packages:
	@.ci/debian-packages tests/debian-packages.txt
	@.ci/debian-unpacked .unpacked tests/debian-unpacked.txt

lint: venv ## ruff: mistakes and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## mypy --strict
	$(BIN)/mypy --config-file setup.cfg

floors: venv ## imports point down
	$(BIN)/lint-imports --config setup.cfg

docs: venv ## the manual and the API pages, where a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/pydoctor

py: venv ## all tests but the live ones, on this tree; TESTS=tests.wire runs some
	$(BIN)/python -m tests.run --jobs $(JOBS) $(or $(TESTS),tests --without tests.live)

compiled: packages $(WHEEL_VENV)/.stamp ## codecs, router and live tests, on a wheel as users build it
	@cat $(WHEEL_VENV)/contents
	cd $(WHEEL_VENV)/tree && ../bin/python -m tests.run --jobs $(JOBS) $(or $(TESTS),tests.wire tests.tuntap tests.live)

$(WHEEL_VENV)/.stamp: $(WHEEL_SOURCES)
	@echo "Building the wheel, and $(WHEEL_VENV) with it"
	@.ci/wheel-venv $(WHEEL_VENV)
	@touch $@

live: venv packages ## the tests with real processes, nginx and uWSGI, on this tree
	$(BIN)/python -m tests.run --jobs $(JOBS) tests.live

interpreters: venv packages ## tests of Perl and Ruby with those of other Debians (root); RELEASES=trixie for one
	$(BIN)/python -m tests.interpreters --jobs $(JOBS) $(RELEASES)

bench: $(addprefix bench-,$(BENCHES)) ## all benchmarks; make bench-requests runs one

bench-%: venv
	@.ci/debian-packages tests/debian-packages.txt tests/bench/debian-packages.txt
	@$(BIN)/python -m tests.bench.$*

fuzz: venv ## atheris on what reads bytes of strangers, a minute each; not part of `make test`
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.fuzz

clean: ## remove what was built, environments included
	rm -rf .venv .venv-bench $(WHEEL_VENV) .unpacked .interpreters .tox build dist docs/_build *.egg-info _trial_temp* .hypothesis .mypy_cache .ruff_cache .import_linter_cache
