# One place for every command; `make` alone lists them. Needs Python 3.11-3.13 and nothing else of ours.
.DEFAULT_GOAL := help
.PHONY: help setup setup-all chromium kinds rclone synctools postgres demo test test-all test-extras simulate soak fuzz bench-dispatch bench-rclone bench-kinds bench-dashboard bench-startup bench-extra pictures gif check format-check lint types contracts format lock reference clean
BIN := .venv/bin
PYTHON ?=
# So many tests run at once: they wait more than they compute. `make test AT_ONCE=0` runs them one by one.
AT_ONCE ?= 3
# Named by what set-up depends on, not dated: a changed lock is seen whatever the clocks of its files say.
INPUTS := requirements/all.txt requirements/uv.txt pyproject.toml setup/venv.sh setup/chromium.sh
STAMP := .venv/.gpudrop-setup-$(shell cat $(INPUTS) | cksum | tr ' ' '-')
INPUTS_ALL := requirements/everything.txt pyproject.toml setup/everything.sh
STAMP_ALL := .venv-all/.gpudrop-setup-$(shell cat $(INPUTS_ALL) | cksum | tr ' ' '-')

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with all that is locked, and find or install a Chromium
	@$(if $(filter setup,$(MAKECMDGOALS)),$(if $(findstring q,$(firstword -$(MAKEFLAGS))),,sh setup/next.sh))

$(STAMP):
	@sh setup/venv.sh "$(PYTHON)"
	@sh setup/chromium.sh
	@rm -f .venv/.gpudrop-setup*
	@touch $@

setup-all: $(STAMP_ALL) ## make .venv-all, with PyTorch (about 7 GB), beside .venv

$(STAMP_ALL): | $(STAMP)
	@sh setup/everything.sh
	@rm -f .venv-all/.gpudrop-setup*
	@touch $@

chromium: setup ## look for a browser to film with again; install one if there is none
	@sh setup/chromium.sh

demo: setup ## film a narrated tour of JupyterLab through a folder and a notebook
	@$(BIN)/python examples/jupyterlab/demo.py

kinds: setup ## every kind of work once, on examples/media, by the engines that need no download
	@sh examples/kinds.sh

rclone: setup
	@sh setup/rclone.sh

synctools: setup
	@sh setup/synctools.sh

postgres: setup
	@sh setup/postgres.sh

test: rclone synctools postgres ## run the tests
	@$(BIN)/python -m pytest -n $(AT_ONCE)

simulate: setup ## both sides on virtual time in the worst weather, ten thousand times (about a quarter of an hour)
	@$(BIN)/gpudrop simulate --seeds 10000 --weather harsh

soak: rclone synctools ## jobs over real rclone mounts, remotes and sync tools, with all that can be killed killed; writes a report
	@$(BIN)/python -m benchmarks.soak --json benchmarks/results/soak.json

fuzz: setup ## feed hostile input to both sides for ten minutes
	@$(BIN)/python -m tests.fuzz --seconds 600

bench-dispatch: bench-extra ## small jobs side by side with other file queues; writes benchmarks/results/dispatch.json
	@$(BIN)/python -m benchmarks.dispatch --json benchmarks/results/dispatch.json

bench-rclone: rclone ## a narration over a slow Drive, by mounts and without (about a quarter of an hour)
	@$(BIN)/python -m benchmarks.dispatch_rclone --json benchmarks/results/dispatch_rclone.json

bench-kinds: setup ## each kind of work against what a user would run instead; writes benchmarks/results/kinds.json
	@$(BIN)/python -m benchmarks.kinds --json benchmarks/results/kinds.json

bench-startup: bench-extra .venv-prefect ## how long commands take to start, beside other tools; writes benchmarks/results/startup.json
	@$(BIN)/python -m benchmarks.startup --json benchmarks/results/startup.json

.venv-prefect: requirements/prefect.txt | setup
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $@
	@$(BIN)/uv pip install -q --python $@/bin/python --no-deps --require-hashes -r requirements/prefect.txt

bench-dashboard: setup ## each page of the dashboard with 10,000 runs; writes benchmarks/results/dashboard.json
	@$(BIN)/python -m benchmarks.dashboard --json benchmarks/results/dashboard.json

pictures: setup ## take the pictures of the dashboard in docs/dashboard/
	@$(BIN)/python docs/screenshots.py

gif: demo ## record the demo and make the animation at the top of the README of it
	@$(BIN)/python docs/gif.py

bench-extra: setup
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/bench.txt

test-all: test test-extras ## run the tests, and in .venv-all those that need PyTorch

test-extras: setup-all
	@.venv-all/bin/python -m pytest -m extras

check: format-check lint types contracts test ## all that needs no PyTorch: format, lint, types, contracts, tests

format-check: setup
	$(BIN)/ruff format --check .

lint: setup ## ruff
	$(BIN)/ruff check .

types: setup ## mypy, strict
	$(BIN)/mypy

contracts: setup ## the arrows between the rooms
	$(BIN)/lint-imports

format: setup ## format the code and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: setup ## write docs/reference/ from the code
	$(BIN)/python docs/generate.py

# `make lock UPGRADE=--upgrade` takes newer versions. No index, host or path may get into these files.
COMPILE := uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
	--overrides requirements/overrides.txt
LOCKED := pyproject.toml --extra notebook --extra postgres --extra demo --extra dev --extra kokoro --extra whisper
lock: setup ## write requirements/*.txt from pyproject.toml
	$(BIN)/$(COMPILE) $(UPGRADE) $(LOCKED) requirements/build.in -o requirements/all.txt
	printf 'uv\n' | $(BIN)/$(COMPILE) -c requirements/all.txt - -o requirements/uv.txt
	$(BIN)/$(COMPILE) $(UPGRADE) $(LOCKED) --extra misaki --extra kokoro-torch \
		--extra upscale --extra vision --extra llm --extra f5 requirements/build.in -c requirements/all.txt -o requirements/everything.txt
	$(BIN)/$(COMPILE) $(UPGRADE) pyproject.toml --extra bench -c requirements/all.txt -o requirements/bench.txt
	printf 'prefect\n' | $(BIN)/$(COMPILE) $(UPGRADE) - -o requirements/prefect.txt
	@! grep -nE '://|file:|find-links|index-url' requirements/*.txt

clean: ## remove .venv and everything made
	rm -rf .venv .venv-all .venv-prefect .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build demo-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
