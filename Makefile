# Slipway. `make help` lists the targets; each one sets up what it needs, so nothing has to be run before it.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
SLIPWAY := $(BIN)/slipway
# From the environment, where make puts what was said: neither make nor the shell reads a value that comes from outside.
SELECT = --env "$$ENV" --stack "$${STACK:-serving}" $${ENDPOINT:+--endpoint "$$ENDPOINT"}
VENV := .venv/.complete
TOOLS := .tools/terraform.rc
PACKAGED := endpoint-invoker drift-monitor training-queue
FUNCTIONS := $(PACKAGED:%=build/functions/%.zip)
DOCKERFILES = $(wildcard image/Dockerfile modules/*/Dockerfile)
BROWSER := .tools/browser/chromium
NGINX := .tools/nginx/nginx
CHECKOV := .tools/checkov/.complete
ACTIONLINT := .tools/actionlint/.complete
IDENTITY := build/identity/config

# A settings file named in the environment that does not exist is ignored; ours takes its place.
ifeq ($(wildcard $(TF_CLI_CONFIG_FILE)),)
export TF_CLI_CONFIG_FILE := $(CURDIR)/$(TOOLS)
endif
# A pipeline's job that said who it is (`make identity`) is that for every target after it.
ifneq ($(wildcard $(IDENTITY)),)
export AWS_CONFIG_FILE := $(CURDIR)/$(IDENTITY)
endif
export TERRAFORM ?= $(CURDIR)/.tools/terraform
export PYTHONDONTWRITEBYTECODE := 1

##@ See it work
.PHONY: demo
demo: setup ## Take a model from training to production on three sandbox accounts (KEEP=1 leaves them running)
	$(BIN)/python -m sandbox.demo $(if $(KEEP),--keep)

.PHONY: test
test: setup $(BROWSER) $(NGINX) ## Everything that CI runs
	$(BIN)/python -m scripts.test_suites

.PHONY: test-long
test-long: setup ## What runs each night besides: longer bad days, an endpoint's whole life
	$(BIN)/python -m scripts.test_suites --long

.PHONY: check check-code check-tests check-review
check: setup ## The fast gate: format, lint, types, terraform validate, generated docs, quick tests (no sandbox)
	$(MAKE) -j3 --output-sync=target check-code check-tests check-review

check-code:
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/mypy
	$(BIN)/python -m scripts.validate_terraform
	$(BIN)/python scripts/module_docs.py --check
	$(BIN)/python -m scripts.access_docs --check
	$(MAKE) check-pipelines

check-tests:
	$(BIN)/python -m pytest -q --durations=5 -m "not slow" tests/unit tests/policy

check-review:
	$(BIN)/python -m pytest -q --durations=5 tests/review

.PHONY: scan
scan: setup $(CHECKOV) ## Hold every policy and plan to checkov, our own checks and parliament
	$(BIN)/python -m scripts.scan_policies

.PHONY: bench
bench: setup ## Measure what the documentation claims, beside peers where there are any
	$(BIN)/python -m bench

##@ Sandbox: three AWS accounts on this machine
.PHONY: sandbox
sandbox: setup ## Start the sandbox; `source .sandbox/env` points every tool at it (SANDBOX_PORT=4700)
	$(BIN)/python -m sandbox start

.PHONY: sandbox-down
sandbox-down: setup ## Stop the sandbox; its accounts live in memory and are gone
	$(BIN)/python -m sandbox stop

.PHONY: sandbox-status
sandbox-status: setup ## Say whether the sandbox runs, where, and since when
	$(BIN)/python -m sandbox status

##@ Environments
.PHONY: plan
plan: setup need-env ## Plan ENV=… [STACK=serving|foundation|bootstrap] [ENDPOINT=…] and save the plan
	$(SLIPWAY) plan $(SELECT)

.PHONY: apply
apply: setup need-env ## Apply exactly the saved plan of ENV=… [STACK=…] [ENDPOINT=…]
	$(SLIPWAY) apply $(SELECT)

.PHONY: build
build: setup ## Make what Terraform takes: the functions' packages, reproducible to the byte

.PHONY: image
image: setup ## Build the golden image with MODEL=…, with Docker where it works (PUSH=1 ENV=dev pushes; WITH=oci|docker, BASE=… below it)
	$(SLIPWAY) image build --model "$${MODEL:?Say which model: make image MODEL=ranker}" --with "$${WITH:-auto}" $${BASE:+--base "$$BASE"}
	$(if $(PUSH),$(SLIPWAY) image push --model "$$MODEL" --env "$${ENV:-dev}")

.PHONY: serve-local
serve-local: setup $(NGINX) ## Serve MODEL=… on this machine behind nginx (PORT=8080), trained here if it was not
	@test -f "build/models/$(or $(MODEL),$(error Say which model: make serve-local MODEL=ranker))/model.tar.gz" || $(BIN)/python -m models.local "$(MODEL)"
	$(SLIPWAY) image serve --model "$(MODEL)" --port "$(or $(PORT),8080)"

.PHONY: doctor
doctor: setup ## Look for what is missing on this machine and in the accounts
	$(SLIPWAY) doctor

##@ Pipelines: what .github, .circleci and pipelines/ call; values come as NAME=… or from the environment
.PHONY: identity
identity: setup ## Say who this pipeline's job is, for the targets after it: ROLE=plan|deploy-serving|promote|…
	$(BIN)/python -m scripts.pipelines.identity --role "$${ROLE:?Say which role: make identity ROLE=plan}"

.PHONY: approver
approver: setup ## Say who approved this run of GitHub Actions, for the record of the apply after it
	$(BIN)/python -m scripts.pipelines.approver

.PHONY: touched
touched: setup ## Say which environments and endpoints were touched SINCE=… (a commit, a branch)
	@$(SLIPWAY) touched --since "$${SINCE:?Say since when: make touched SINCE=origin/main}" --format json | $(BIN)/python -m scripts.pipelines.outputs touched

.PHONY: changed-models
changed-models: setup ## Say which models changed SINCE=…, and what each needs
	@$(SLIPWAY) models changed --since "$${SINCE:?Say since when: make changed-models SINCE=origin/main}" --direct --format json | $(BIN)/python -m scripts.pipelines.outputs changed-models

.PHONY: review
review: setup ## Put the reviews of all plans below [FILES=build/plans] into build/review.md and build/review.sarif [GATE=forbidden]
	@mkdir -p build
	find "$${FILES:-build/plans}" -name review.json -print0 | sort -z | xargs -0 $(SLIPWAY) review \
	  --gate "$${GATE:-forbidden}" --markdown build/review.md --sarif build/review.sarif

.PHONY: comment
comment: setup ## Write [FILE=build/review.md] into one comment of [PULL_REQUEST=…] or issue of [ISSUE=…], of [SCOPE=plan] [CLOSE=1]
	set -- --file "$${FILE:-build/review.md}"; [ -z "$${CLOSE:-}" ] || set -- --close; $(SLIPWAY) comment "$$@" --scope "$${SCOPE:-plan}" \
	  $${PULL_REQUEST:+--pull-request "$$PULL_REQUEST" --label auto} $${ISSUE:+--issue "$$ISSUE"}

.PHONY: drift
drift: setup ## Look for drift everywhere, or in [ENV=…]: build/drift.md says what; exit 3 where there is some
	@mkdir -p build
	$(SLIPWAY) drift $${ENV:+--env "$$ENV"} --format markdown > build/drift.md || { code=$$?; cat build/drift.md; exit $$code; }

.PHONY: bundle-push bundle-pull
bundle-push: setup need-env ## Bring the saved plan of ENV=… [STACK=…] [ENDPOINT=…] into the environment's own store
	@$(SLIPWAY) bundle push $(SELECT) --format json | $(BIN)/python -m scripts.pipelines.outputs bundle-push

bundle-pull: setup need-env ## Fetch exactly the plan DIGEST=… of ENV=… [STACK=…] [ENDPOINT=…] from there, to apply it
	$(SLIPWAY) bundle pull $(SELECT) --digest "$${DIGEST:?Say which plan: DIGEST=…}"

.PHONY: train
train: setup need-env ## Train MODEL=… in ENV=… by models/MODEL/jobs/[JOB=training].yaml, with the image of [COMMIT=HEAD]; [ID=…] once only
	@$(SLIPWAY) train submit "models/$${MODEL:?Say which model: MODEL=ranker}/jobs/$${JOB:-training}.yaml" --env "$$ENV" --wait --yes \
	  --image "$$(git rev-parse "$${COMMIT:-HEAD}")" $${ID:+--set "id=$$ID"} --format json | $(BIN)/python -m scripts.pipelines.outputs train

.PHONY: releases
releases: setup need-env ## Say which releases ENV=… holds of the commit COMMIT=…
	@$(SLIPWAY) release list --env "$$ENV" --format json | $(BIN)/python -m scripts.pipelines.outputs releases

.PHONY: promote
promote: setup ## Promote RELEASE=… TO=…, and with [APPLY=1] deploy and prove it
	$(SLIPWAY) promote "$${RELEASE:?Say which release: RELEASE=…}" --to "$${TO:?Say where to: TO=qa}" $${APPLY:+--apply} --yes

.PHONY: record
record: setup need-env ## Commit the revisions that a promotion to ENV=… wrote, and push them to [BRANCH=main, empty for nowhere]
	$(BIN)/python -m scripts.pipelines.record --env "$$ENV" --branch "$${BRANCH-main}"

.PHONY: verify
verify: setup need-env ## Ask AWS what is live in ENV=… [ENDPOINT=…], and the golden requests
	$(SLIPWAY) verify --env "$$ENV" $${ENDPOINT:+--endpoint "$$ENDPOINT"}

.PHONY: check-pipelines
check-pipelines: setup $(ACTIONLINT) ## Hold the pipelines to their vendors' schemas, the linters, and the targets that there are
	$(BIN)/python -m scripts.pipelines.check

##@ Upkeep
.PHONY: fmt
fmt: setup ## Format Python and Terraform
	$(BIN)/ruff check --fix-only -q . && $(BIN)/ruff format -q .
	$(TERRAFORM) fmt -recursive .

.PHONY: docs
docs: setup ## Write what is generated anew: the modules' tables, docs/access.md, docs/probes.md, the review's rules and examples
	$(BIN)/python scripts/module_docs.py
	$(BIN)/python -m scripts.access_docs
	$(BIN)/python -m scripts.probes
	$(BIN)/python -m scripts.review_rules
	$(BIN)/python -m scripts.review_examples

.PHONY: lock
lock: setup ## Resolve requirements/*.in anew into hash-pinned requirements/*.txt
	scripts/lock_requirements

.PHONY: prices
prices: setup ## Fetch AWS's price lists into glue/review/prices.json ([REGION=…]; else those of the environments, and us-east-1)
	$(BIN)/python -m scripts.update_prices $${REGION:+"$$REGION"}

.PHONY: clean
clean: ## Remove what make made here, but not the sandbox's or Terraform's records
	rm -rf build .tools .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help
help: ## This list
	@awk -f scripts/help.awk $(MAKEFILE_LIST)

# Set-up: real files, so that a second run costs nothing.
.PHONY: setup need-env
setup: $(VENV) $(TOOLS) $(FUNCTIONS)

$(VENV): requirements/dev.txt pyproject.toml scripts/setup_venv.py
	$(PYTHON) scripts/setup_venv.py

ifeq ($(wildcard .tools/terraform),) # also when the link leads nowhere any more
.PHONY: $(TOOLS)
endif
$(TOOLS): .tool-versions scripts/setup_terraform.py
	$(PYTHON) scripts/setup_terraform.py

$(BROWSER): scripts/setup_browser.py $(VENV)
	$(BIN)/python -m scripts.setup_browser

$(NGINX): scripts/setup_nginx.py $(VENV)
	$(BIN)/python -m scripts.setup_nginx

$(CHECKOV): requirements/checkov.txt scripts/setup_checkov.py $(VENV)
	$(BIN)/python -m scripts.setup_checkov

$(ACTIONLINT): scripts/setup_actionlint.py $(VENV)
	$(BIN)/python -m scripts.setup_actionlint

# What a package holds of the glue, besides its own folder.
build/functions/drift-monitor.zip: modules/drift-monitor/package.txt $(shell cat modules/drift-monitor/package.txt)
build/functions/training-queue.zip: modules/training-queue/package.txt $(shell cat modules/training-queue/package.txt)

build/functions/%.zip: modules/%/src scripts/build_function.py $(VENV) $(wildcard modules/*/src/*.py)
	$(BIN)/python scripts/build_function.py modules/$*/src $@

need-env:
	@test -n "$${ENV:-}" || { echo "Say which environment: make $(MAKECMDGOALS) ENV=dev (one of: $(notdir $(patsubst %/,%,$(wildcard environments/*/))))" >&2; exit 2; }
