# Thin: everything here is also a command of `llm-envs`, ruff, mypy or pytest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install

.PHONY: demo llm-demo test package docs kills examples bench clean

demo: $(VENV)/.benchmarks
	$(BIN)/llm-envs demo

# A pretrained model, within ten minutes; the first time it is fetched, 93 MB.
llm-demo: $(VENV)/.llm
	$(BIN)/llm-envs fetch smollm2-135m
	$(BIN)/llm-envs llm-demo

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2

# The sdist and the wheel in clean environments: oldest and newest dependencies, Python 3.11 to 3.13; some minutes.
package: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m package tests/packaging

# The documentation as a site, build/site/index.html; works without a network, warnings are errors.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Trainings, suites and writers of records that are killed at random, and go on; some minutes.
kills: $(VENV)/.dev
	$(BIN)/pytest -m kills

# Every example at its own number of steps; RLlib and Tianshou need older packages, so each gets an environment.
examples: $(VENV)/.dev
	$(BIN)/pytest -m examples
	for library in rllib tianshou; do \
		$(MAKE) VENV=.venv-$$library .venv-$$library/.torch && \
		.venv-$$library/bin/python -m pip install -q -e ".[$$library]" pytest hypothesis && \
		.venv-$$library/bin/python -m pytest -m examples tests/examples -k $$library || exit 1; done

# Under an hour on two cores; see benchmarks/suites/baselines.toml.
bench: $(VENV)/.benchmarks
	$(BIN)/llm-envs benchmark benchmarks/suites/baselines.toml --store benchmarks/results
	$(BIN)/llm-envs leaderboard show --store benchmarks/results
	$(BIN)/llm-envs leaderboard html --store benchmarks/results --out leaderboard.html
	for id in TextGen-v0 Translation-v0 Dialogue-v0; do \
		$(BIN)/llm-envs rewards audit default --env $$id --out audit-$$id.html || exit 1; done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); try make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The CPU build of torch where no GPU is visible and one can be had; else what pip chooses.
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	@command -v nvidia-smi >/dev/null 2>&1 || \
		$(PIP) -q -c constraints.txt torch==2.13.0+cpu 2>/dev/null || \
		$(PIP) -q -c constraints.txt torch==2.13.0+cpu --retries 0 --timeout 20 \
			--extra-index-url https://download.pytorch.org/whl/cpu 2>/dev/null || \
		echo "no CPU build of torch is at hand, pip chooses one"
	@touch $@

$(VENV)/.benchmarks: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -q -c constraints.txt -e '.[benchmarks]'
	@touch $@

$(VENV)/.llm: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -q -c constraints.txt -e '.[benchmarks,llm]'
	@touch $@ $(VENV)/.benchmarks

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.benchmarks

clean:
	rm -rf $(VENV) .venv-rllib .venv-tianshou
