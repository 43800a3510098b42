# `make help` lists what there is. Needs Python 3.11 or newer, make, and a package registry.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --require-hashes
NODE := $(BIN)/python tools/node.py
STAMPS := $(VENV)/stamps
PAGES := packages/web/dist/index.html
CLIENT := packages/client/dist/index.js
PAGE_SOURCES := $(shell find packages -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' -o -name '*.svg' -o -name 'package.json' -o -name 'tsconfig*.json' \) \
	-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
LOCKS := build runtime web dev
ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup web demo up test soak lint fmt types ci lock clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMPS)/runtime ## Make .venv with everything the server needs

demo: $(STAMPS)/runtime $(PAGES) ## A shop to look at: http://127.0.0.1:8000 (ARGS="--port 9000")
	@$(BIN)/shopwire demo $(ARGS)

up: $(STAMPS)/runtime $(PAGES) ## A shop of your own (ARGS="--data DIR --port N")
	@$(BIN)/shopwire up $(ARGS)

web: $(STAMPS)/npm $(PAGES) $(CLIENT) ## Build storefront, console and the client package

test: $(STAMPS)/dev $(STAMPS)/npm $(PAGES) $(CLIENT) ## Everything that proves it
	@echo "== TypeScript"; $(NODE) npm test --silent; typescript=$$?; \
	echo "== Python"; $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS); python=$$?; \
	[ $$typescript = 0 ] || echo "The TypeScript tests failed: see above."; \
	[ $$typescript = 0 ] && [ $$python = 0 ]

soak: $(STAMPS)/dev $(STAMPS)/npm $(PAGES) $(CLIENT) ## The long proofs
	@$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile=soak -o addopts="--strict-markers -ra --import-mode=importlib" --timeout=3600 $(ARGS)

lint: $(STAMPS)/dev $(STAMPS)/npm ## ruff, import-linter, generated files, Biome
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python tools/gen_codes.py --check && $(BIN)/python tools/gen_asyncapi.py --check
	@$(BIN)/python tools/gen_types.py --check
	@$(NODE) npm run --silent check

types: $(STAMPS)/dev $(STAMPS)/npm ## mypy and tsc
	@$(BIN)/mypy
	@$(NODE) npm run --silent types

fmt: $(STAMPS)/dev $(STAMPS)/npm ## Bring everything into shape
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; $(BIN)/python tools/gen_codes.py; $(BIN)/python tools/gen_asyncapi.py ; $(BIN)/python tools/gen_types.py
	@$(NODE) npx biome check --write packages tools/peers

ci: lint types test ## The whole gate

lock: $(STAMPS)/dev ## Pin the newest versions that fit (needs uv on PATH)
	@for name in $(LOCKS); do uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
		--python-version 3.11 --universal requirements/$$name.in -o requirements/$$name.lock; done

clean: ## Remove what was installed and built
	@rm -rf $(VENV) node_modules packages/*/node_modules packages/*/dist

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH."; exit 1; }
	@echo "== Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@mkdir -p $(STAMPS)

$(STAMPS)/runtime: $(VENV)/bin/python requirements/build.lock requirements/runtime.lock pyproject.toml
	@echo "== Installing the server and PostgreSQL"
	@$(PIP) -r requirements/build.lock
	@$(PIP) -r requirements/runtime.lock
	@$(BIN)/pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/runtime requirements/dev.lock
	@echo "== Installing what tests and linters need"
	@$(PIP) -r requirements/dev.lock
	@touch $@

$(STAMPS)/node: $(VENV)/bin/python requirements/web.lock tools/node.py
	@mkdir -p $(STAMPS)
	@$(NODE) --find 2>/dev/null || { echo "== Installing Node"; $(PIP) -r requirements/web.lock; $(NODE) --find; }
	@touch $@

# What the pages are built with is a quarter of what they are also tested with.
$(STAMPS)/npm-pages: $(STAMPS)/node package.json package-lock.json
	@[ -e $(STAMPS)/npm ] || echo "== Installing what the pages are built with"
	@[ -e $(STAMPS)/npm ] || $(NODE) npm ci --omit=dev --no-progress --loglevel=error
	@[ ! -e $(STAMPS)/npm ] || $(MAKE) --no-print-directory $(STAMPS)/npm
	@touch $@

$(STAMPS)/npm: $(STAMPS)/node package.json package-lock.json
	@echo "== Installing what the pages and the client are built and tested with"
	@$(NODE) npm ci --no-progress --loglevel=error
	@touch $@ $(STAMPS)/npm-pages

$(PAGES): $(STAMPS)/npm-pages $(PAGE_SOURCES)
	@echo "== Building the pages"
	@$(NODE) npm run --silent build --workspace=packages/web
	@touch $@

$(CLIENT): $(STAMPS)/npm $(PAGE_SOURCES)
	@$(NODE) npm run --silent build --workspace=packages/client
	@touch $@
