# The doors of the house. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
READY := $(VENV)/.ready
AGENTS := $(wildcard agents/*/pyproject.toml)
NATIVE_SOURCES := $(wildcard agents/native/csrc/*.c agents/native/csrc/*.h)

.DEFAULT_GOAL := help
.PHONY: help demo recordings run test check format bench fuzz sanitize screenshots docs browser clean

help:  ## List the doors
	@grep -hE '^[a-z][a-zA-Z0-9_%-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): requirements.txt requirements-dev.txt $(AGENTS) $(NATIVE_SOURCES) $(wildcard profiler_server/*/*.pyx profiler_server/*/*.pxi)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version)"; exit 1; }
	@test -x $(BIN)/python || { echo "making the environment in $(VENV)"; $(PYTHON) -m venv $(VENV) || { echo "apt-get install python3-venv, then try again"; rm -rf $(VENV); exit 1; }; }
	@echo "installing what requirements-dev.txt names (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@for agent in python sidecar; do test ! -f agents/$$agent/pyproject.toml || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e agents/$$agent || exit 1; done
	@$(MAKE) --no-print-directory compile
	@touch $@

.PHONY: compile
compile:  ## Build the compiled parts; without a C compiler the pure twins serve
	@if command -v cc >/dev/null; then \
		test ! -f agents/native/pyproject.toml || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation ./agents/native || echo "the native sampler was not built: the agent falls back to tracemalloc"; \
		$(BIN)/python -m profiler_server.codecs.build_fast || echo "the compiled decoder was not built: its Python twin serves, slower"; \
	else echo "no C compiler: the Python twins serve, slower (apt-get install gcc python3-dev)"; fi

demo: $(READY)  ## Show the main job: two live services and a recorded incident (CHECK=1 judges it and exits)
	@python -m examples.demo $(if $(CHECK),--check)

incident-%: $(READY)  ## Live through one of the four incidents, N = 1 … 4 (CHECK=1 judges it and exits)
	@python -m examples.incidents $* $(if $(CHECK),--check)

recordings: $(READY)  ## Replay every recorded program and print the verdicts beside the truth (CHECK=1 judges them)
	@python -m examples.recordings $(if $(CHECK),--check)

run: $(READY)  ## Serve, on embedded PostgreSQL and Redis unless DATABASE_URL and REDIS_URL are set
	@python manage.py serve

test: $(READY) browser  ## Run the whole suite
	@python -m pytest $(ARGS)

browser: $(READY)
	@python -m tests.browser.chromium

check: $(READY)  ## Lint, types, import directions, migrations and deployment checks
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python manage.py makemigrations --check --dry-run
	DATABASE_URL=postgres://plimsoll:x@db/plimsoll REDIS_URL=redis://redis/0 SECRET_KEY=$$(python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		PLIMSOLL_BEHIND_TLS=1 PLIMSOLL_BASE_URL=https://plimsoll.example.org python manage.py check --deploy --fail-level WARNING

format: $(READY)  ## Format the code
	ruff format .
	ruff check --fix .

bench: $(READY)  ## Print the figures that the documents state
	@python -m benchmarks

fuzz: $(READY)  ## Fuzz the compiled decoder under AddressSanitizer
	@python -m tests.fuzz.pprof

sanitize: $(READY)  ## Stress the native sampler under AddressSanitizer and UndefinedBehaviorSanitizer (ALLOCATIONS=1000000000 LIMIT=7200)
	@python -m benchmarks.agent_stress --allocations $(or $(ALLOCATIONS),100000000) --seconds $(or $(LIMIT),900) --sanitize

screenshots: $(READY) browser  ## Take the pictures of every page into docs/
	@python -m tests.browser.screenshots

docs: $(READY)  ## Write the reference pages that are made from code
	@python manage.py write_reference

clean:  ## Remove the environment and everything that was built; data stays
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
	find . -name '*.so' -not -path './.plimsoll/*' -delete
