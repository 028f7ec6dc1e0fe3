# The targets are listed by `make help`. Nothing here needs more than Go, make and Debian's shell;
# `make deps` brings the rest.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# The module proxy stays the configured one, without its last resort: a module that a proxy refuses would else be
# looked for by git, slowly and with a misleading error.
export GOPROXY := $(shell go env GOPROXY | sed 's/,direct$$//')

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)

CACHE := .cache
LINT := $(CACHE)/bin/golangci-lint
TESTSERVERS := $(CACHE)/bin/testservers
TESTREPORT := $(CACHE)/bin/testreport

TESTFLAGS ?= -shuffle=on -timeout 10m
PKG ?= ./...
FUZZ_EACH ?= 5
FUZZ_ALL ?= 180

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/paymux
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/paymux ./cmd/paymux

.PHONY: run
run: build ## the gateway with the sandbox on 127.0.0.1:8080, everything under ./data
	bin/paymux serve

.PHONY: demo
demo: build ## walk the closed loop of every channel: pay, callback, webhook, refund, reconcile
	bin/paymux demo

.PHONY: deps
deps: ## install what `make test` needs beside Go: gcc, MariaDB, Redis
	@.ci/deps test

.PHONY: deps-all
deps-all: deps
	@.ci/deps all

.PHONY: test
test: deps $(TESTSERVERS) $(TESTREPORT) ## every test with the race detector (PKG=./store/... for some)
	@race=-race; command -v gcc >/dev/null || { race=; echo 'PARTIAL RUN: no gcc, so no race detector' >&2; }; \
	echo "go test $$race $(TESTFLAGS) $(PKG)"; \
	$(TESTSERVERS) go test -json $$race $(TESTFLAGS) $(PKG) | $(TESTREPORT)

.PHONY: torture
torture: deps $(TESTSERVERS) ## prove that nothing is charged twice or lost under kills and faults; see docs/reliability.md
	@export PAYMUX_TORTURE_SEED=$${PAYMUX_TORTURE_SEED:-$$RANDOM} PAYMUX_TORTURE_ORDERS=$${PAYMUX_TORTURE_ORDERS:-10000}; \
	export PAYMUX_TORTURE_KILLS=$${PAYMUX_TORTURE_KILLS:-500} PAYMUX_TORTURE_MINUTES=$${PAYMUX_TORTURE_MINUTES:-25}; \
	export PAYMUX_TORTURE_CASES=$${PAYMUX_TORTURE_CASES:-all} PAYMUX_TORTURE_BROKEN=$${PAYMUX_TORTURE_BROKEN:-all}; \
	for part in BrokenBuilds SoundBuild 'AnyProcess.*SQLite' 'AnyProcess.*MariaDB' 'Migration|Reconciliation' NeverChargedTwice; do \
		$(TESTSERVERS) go test ./internal/torture -run "$$part" -count 1 -timeout 3h -v || exit 1; \
	done

.PHONY: test-all
test-all: fuzz clients test ## test, and other people's clients in Node.js, browsers, a moment of fuzzing

.PHONY: clients
clients: deps-all $(TESTSERVERS)
	@.ci/clients $(TESTSERVERS)

.PHONY: lint
lint: $(LINT) ## golangci-lint, go vet, formatting, go.mod
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go mod tidy -diff
	$(LINT) run ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZ_EACH seconds, FUZZ_ALL together
	@.ci/fuzz $(FUZZ_EACH) $(FUZZ_ALL)

.PHONY: bench
bench: deps $(TESTSERVERS) ## every benchmark
	@$(TESTSERVERS) go test -run '^$$' -bench . -benchmem $(PKG)

.PHONY: cover
cover: deps $(TESTSERVERS) ## coverage.out and coverage.html, every package's tests counted for all packages
	@$(TESTSERVERS) go test -timeout 15m -coverpkg ./... -coverprofile coverage.out $(PKG)
	go tool cover -html coverage.out -o coverage.html
	@go tool cover -func coverage.out | tail -n 1

.PHONY: clean
clean: ## remove what was built here (not ./data)
	rm -rf bin $(CACHE) coverage.out coverage.html

# The linter has a module of its own, so that its many dependencies stay out of the gateway's.
$(LINT): internal/tools/go.mod internal/tools/go.sum
	cd internal/tools && go build -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# Built rather than `go run`, which would hide their exit codes; go build knows best whether they are up to date.
.PHONY: $(TESTSERVERS) $(TESTREPORT)
$(TESTSERVERS) $(TESTREPORT):
	@go build -o $@ ./internal/testenv/cmd/$(@F)
