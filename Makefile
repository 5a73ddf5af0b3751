# `make demo` and `make test` do their own set-up, in .venv/, build/ and install/ of this folder.

PYTHON ?= python3
# What the demo plays: a video file or a camera index.
SOURCE ?= demo/clip.mp4
# For how long `make fuzz` bombards the node, and with what: the same seed and first episode send the same again.
SECONDS ?= 600
SEED ?=
FIRST ?= 0

RUNTIME := .venv/.runtime-installed
TESTING := .venv/.testing-installed
MESSAGES := install/.messages-built
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test fuzz lint clean

help:
	@echo "make demo                 play the shipped clip through the node; results in out/demo/"
	@echo "make demo SOURCE=VIDEO    the same with a video file or a camera index"
	@echo "make test                 all checks: ruff, mypy, import-linter, pytest"
	@echo "make lint                 all of them but pytest"
	@echo "make fuzz                 bombard the node with random messages; SEED=7 SECONDS=600"
	@echo "make clean                remove everything that was installed or built here"

demo: $(MESSAGES)
	@scripts/with_ros.sh python scripts/demo.py "$(SOURCE)"

test: lint
	scripts/with_ros.sh python -m pytest -q

fuzz: $(TESTING) $(MESSAGES)
	scripts/with_ros.sh python test/fuzz/fuzz_node.py --seconds $(SECONDS) --first $(FIRST) $(if $(SEED),--seed $(SEED))

lint: $(TESTING) $(MESSAGES)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	scripts/with_ros.sh mypy
	scripts/with_ros.sh lint-imports --no-logo

$(RUNTIME): pyproject.toml constraints.txt scripts/check_machine.sh scripts/relocate_cmake_files.py
	@scripts/check_machine.sh "$(PYTHON)"
	@echo "handos: installing ONNX Runtime and ROS 2 into .venv (once, a minute or two)"
	@"$(PYTHON)" -m venv .venv
	@$(PIP) --editable ".[ros]"
	@.venv/bin/python scripts/relocate_cmake_files.py
	@touch $@

$(TESTING): $(RUNTIME)
	@echo "handos: installing torch and the test tools into .venv (once, minutes)"
	@$(PIP) --editable ".[ros,train,eval,dev]"
	@touch $@

$(MESSAGES): $(RUNTIME) CMakeLists.txt package.xml $(wildcard msg/*.msg)
	@echo "handos: building the messages (once, half a minute)"
	@scripts/build_messages.sh
	@touch $@

clean:
	rm -rf .venv build install out
