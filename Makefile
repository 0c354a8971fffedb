# Two commands: `make serve` and `make test`. Each sets itself up; nothing but Python, venv and make is needed.
PYTHON ?= python3
BIN := .venv/bin

SBOM ?= sbom.json

.PHONY: serve test test-fast test-alone test-clusters test-all cluster-test coverage check e2e chaos soak format docs clean fuzz
.PHONY: lock audit sbom site gpu-check test-and-e2e test-clusters-and-e2e installed

TESTED := .venv/.requirements-dev .venv/.requirements-oracles .venv/.requirements-sbom .venv/.requirements-site
PYTEST := $(BIN)/python -m pytest --durations=10

SERVE := $(PYTHON) -I virtual_environment.py serve
ONLY_SHOWN := $(findstring n,$(firstword -$(MAKEFLAGS)))

ifeq ($(or $(MAKECMDGOALS),serve)$(ONLY_SHOWN),serve)
# A start that fails says why, and make's own line about it would come behind that. In question mode make runs what has a
# plus, says nothing, and ends with status 1 once it comes to a command that has none.
MAKEFLAGS += --question --silent
FAILED := $(shell mktemp -u)
serve: served
	$(if $(shell test -e "$(FAILED)" && rm -f "$(FAILED)" && echo failed),false)

.PHONY: served
served:
	+-exec $(SERVE) --failed "$(FAILED)"
else
serve:
	@exec $(SERVE)

# Tests start hundreds of processes; each would compile the same modules where the shell wants no bytecode written.
export PYTHONDONTWRITEBYTECODE =
endif

# Other targets mend what they find, too, before they look at what is in it.
ifneq ($(filter-out serve clean,$(MAKECMDGOALS)),)
ifeq ($(MAKELEVEL)$(ONLY_SHOWN),0)
$(shell $(PYTHON) -I virtual_environment.py mend 1>&2)
endif
endif

# Two halves side by side: what starts clusters waits a lot, the rest computes. The first one's output comes last.
WAITING := test-clusters
test: $(TESTED)
	@mkdir -p .cache; $(MAKE) --no-print-directory $(WAITING) >.cache/test-clusters.log 2>&1 & clusters=$$!; \
	trap 'kill $$clusters' INT TERM; \
	$(MAKE) --no-print-directory test-alone; failed=$$?; \
	wait $$clusters || failed=1; cat .cache/test-clusters.log; exit $$failed

# The same with the browser's tests among those of clusters.
test-and-e2e:
	@$(MAKE) --no-print-directory test WAITING=test-clusters-and-e2e

# What tests and checks need, for those that run side by side.
installed: $(TESTED)

CLUSTERS := cluster or label_studio

ALONE := not e2e and not full and not ($(CLUSTERS))
# Only what other targets run is there, and its imports take seconds.
ELSEWHERE := --ignore=tests/e2e --ignore=tests/real_label_studio

# On every core, but behind the other half, which waits for its clusters more than it computes. One thread each: those of
# one computation would wait for each other.
test-alone: $(TESTED)
	OMP_NUM_THREADS=1 nice -n 5 $(PYTEST) --numprocesses=auto --dist=worksteal $(ELSEWHERE) -m "$(ALONE)"

# Only their files: to collect all the others takes half a minute of a slow core.
CLUSTER_TESTS = $(sort $(shell grep -rlE "mark\.(cluster|label_studio)\b" tests --include="*.py"))
test-clusters: $(TESTED)
	$(PYTEST) $(CLUSTER_TESTS) -m "not e2e and not full and ($(CLUSTERS))"

# One process for both, so that they share the application and Label Studio.
test-clusters-and-e2e: $(TESTED)
	tests/e2e/install_chromium.sh
	tests/e2e/install_axe.sh
	$(PYTEST) $(CLUSTER_TESTS) tests/e2e -m "not full and ($(CLUSTERS) or e2e)"

# After each change: all but what takes half a second, on every core. The publishers' code is slow to import, too, and
# benchmarks are tools: `make test` tests them.
PUBLISHERS := $(addprefix --ignore=tests/segmenters/, parity networks/test_onnx_export.py sam/test_onnx_segmenter.py \
	runtimes/test_official_exports.py) --ignore=tests/testing/test_sizes.py
test-fast: $(TESTED)
	OMP_NUM_THREADS=1 $(PYTEST) --numprocesses=auto --dist=worksteal $(ELSEWHERE) --ignore=tests/benchmarks \
		$(PUBLISHERS) -m "$(ALONE) and not slow"

# What `make test` leaves out because a shorter test finds the same.
test-all: test
	$(PYTEST) -m "full and not e2e"

# The long tests of clusters alone: nodes die, are drained, come and go, and the head with them. As root, with Redis.
cluster-test: $(TESTED)
	$(PYTEST) $(CLUSTER_TESTS) -m "full and ($(CLUSTERS))"

# Which lines and branches of the product `make test` runs, also in processes that it starts (pyproject.toml).
coverage: $(TESTED)
	rm -rf .cache/coverage
	@PYTHONPATH=$(CURDIR)/testing/measured $(MAKE) --no-print-directory test \
		PYTEST="$(BIN)/coverage run -m pytest --durations=10"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# A real browser before a real Label Studio before this backend.
e2e: .venv/.requirements-dev
	tests/e2e/install_chromium.sh
	tests/e2e/install_axe.sh
	$(BIN)/python -m pytest tests/e2e -m e2e

# Ten minutes in which one process after the other is killed under clicks; an hour of steady work.
chaos: .venv/.requirements-dev
	$(BIN)/python -m benchmarks.chaos

soak: .venv/.requirements-dev
	$(BIN)/python -m benchmarks.soak

# What only a GPU can show, in eight minutes; the figures go to FIGURES. Elsewhere the same with small models.
FIGURES ?= .cache/gpu
gpu-check: .venv/.requirements-dev
	$(BIN)/python -m benchmarks.gpu --out $(FIGURES)

# A hundred thousand requests that nobody would send, to the ingress in one process (benchmarks/fuzz).
fuzz: .venv/.requirements-dev
	$(BIN)/python -m benchmarks.fuzz

check: .venv/.requirements-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m serve_app doctor --only-files
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec cluster/compose*.yaml
	$(BIN)/hadolint cluster/Dockerfile
	$(BIN)/python -m cluster.manifests
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

format: .venv/.requirements-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .cache screenshots

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it with PYTHON=python3.12 make serve"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.requirements-dev: requirements-dev.txt requirements-sdk.txt requirements-tracing.txt requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-sdk.txt
	@touch $@ .venv/.requirements

# In a folder of their own, made anew: why, and why with these options, says the file.
.venv/.requirements-oracles: requirements-oracles.txt .venv/.requirements-dev
	@rm -rf .venv/oracles
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--target .venv/oracles -r requirements-oracles.txt
	@touch $@

.venv/.requirements-sbom: requirements-sbom.txt | .venv/bin/python
	@rm -rf .venv/sbom
	$(BIN)/python -m venv .venv/sbom
	.venv/sbom/bin/pip install --quiet --disable-pip-version-check -r requirements-sbom.txt
	@touch $@

# The docs as a site with search, in .cache/site; a link that leads nowhere ends it.
site: .venv/.requirements-site
	website/install_mermaid.sh
	NO_MKDOCS_2_WARNING=1 .venv/site/bin/mkdocs --quiet build
	@echo "python3 -m http.server --directory .cache/site    # and open http://127.0.0.1:8000"

.venv/.requirements-site: requirements-site.txt | .venv/bin/python
	@rm -rf .venv/site
	$(BIN)/python -m venv .venv/site
	.venv/site/bin/pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@touch $@

# The tables of the docs that are made from the code.
docs: .venv/.requirements-dev
	$(BIN)/python -m serve_app.reference

# What images are built from, with the hashes of every file that may be had for it on any platform. Versions stay as
# they are unless the requirements ask for others; UPGRADE=--upgrade takes the newest of what these bring along.
COMPILE = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)
lock: .venv/.requirements-dev
	$(COMPILE) requirements.txt -o requirements.lock
	$(COMPILE) requirements-openvino.txt -c requirements.lock -o requirements-openvino.lock
	$(COMPILE) requirements-tracing.txt -c requirements.lock -o requirements-tracing.lock
	$(BIN)/python -m cluster.cpu_lock

# 0: nothing is known against what the locks name; 1: something is; 3: no database could be had.
audit: .venv/.requirements-dev
	@$(BIN)/python -m cluster.audit requirements.lock requirements-openvino.lock requirements-tracing.lock

# The version is in values/version.py, where nobody but setuptools looks for it.
sbom: .venv/.requirements-sbom
	@mkdir -p .cache; version=$$(sed -n 's/^VERSION = //p' values/version.py); \
	sed "s/^dynamic = .*/version = $$version/" pyproject.toml >.cache/pyproject.toml
	$(BIN)/../sbom/bin/cyclonedx-py requirements requirements.lock --pyproject .cache/pyproject.toml \
		--output-reproducible -o $(SBOM)
