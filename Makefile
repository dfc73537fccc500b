# Go, git and make are all that these need. The first build of the playground
# (a whole control plane) takes some minutes; after that it is cached.

KUBE   := v1.36.3
SHELL  := bash
CC     := $(shell go env CC)
RACE   := $(if $(shell command -v $(CC)),-race)
PKG    ?= ./...
FUZZ   ?= 10m
LINT   := go tool -modfile=tools/go.mod golangci-lint
SOURCE := $(shell git ls-files -co --exclude-standard -- playground | grep -v '_test\.go$$')

.DEFAULT_GOAL := help
.PHONY: help build playground demo test lint soak bench golden clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without cgo the binary is static: it runs wherever the kernel does, and starts faster.
# The peers are built as their releases are, which is the same.
build: ## build bin/belay
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/belay ./cmd/belay

playground: bin/playground ## build bin/playground, a control plane in one binary (minutes, the first time)

bin/playground: $(SOURCE)
	@echo "building the playground: etcd, kube-apiserver, controllers and scheduler $(KUBE); some minutes the first time"
	CGO_ENABLED=0 go build -C playground -ldflags "-s -w" -o ../bin/playground .
	@touch bin/playground

demo: ## show the main job, on a cluster of its own
	@./demo.sh

test: lint playground ## everything that must hold: gofmt, vet, linter, unit and end-to-end tests
	@echo "testing the playground"
	CGO_ENABLED=0 go test -C playground -vet=off -timeout 30m ./...
	@echo "$(if $(RACE),testing with the race detector,testing without the race detector: no C compiler ($(CC)) here)"
	go test $(RACE) -timeout 60m $(PKG)
	go test -C render/conformance -timeout 60m ./... # charts, beside Helm itself
	go test -C internal/e2e/helm3 -timeout 60m ./... # releases of Helm's, taken over
	go test -C internal/e2e/helm4 -timeout 60m ./...

# vet and the linters look at the product; to load all of Kubernetes for them takes
# longer than everything else together.
lint: ## gofmt, vet, and the linters of .golangci.yml
	@echo "gofmt"; test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	@echo "golangci-lint (built from source the first time, which takes some minutes)"
	$(LINT) run ./...

soak: playground ## the long tests: every kill point, every seed; FUZZ=10m is the time for each fuzzer
	BELAY_SOAK=1 go test -parallel 8 -timeout 120m -count=1 ./internal/e2e ./internal/release
	BELAY_SOAK_OVERLAYS=5000 go test -timeout 60m -count=1 -run QuickWay ./render/overlay
	@for target in render/values:FuzzValues render/values:FuzzSet internal/object:FuzzDecode templates:FuzzRender templates:FuzzTheParserReadsAsTextTemplateDoes \
	  render:FuzzRender render/bundle:FuzzArchives render/overlay:FuzzKustomizations; do \
	  go test ./$${target%:*} -run xxx -fuzz "^$${target#*:}$$" -fuzztime $(FUZZ) -fuzzminimizetime 20x || exit 1; done
	BELAY_SOAK=1 go test -C render/conformance -timeout 120m -count=1 ./...
	BELAY_SOAK=1 go test -C internal/e2e/helm3 -timeout 60m -count=1 ./...
	BELAY_SOAK=1 go test -C internal/e2e/helm4 -timeout 60m -count=1 ./...

bench: build playground bin/helm bin/kustomize ## measure belay beside raw server-side apply, kubectl diff, Helm and kustomize
	bin/playground run -- go run ./bench

bin/helm: bench/peers/go.mod
	@echo "building Helm, to measure beside; some minutes the first time"
	CGO_ENABLED=0 go build -C bench/peers -trimpath -ldflags "-s -w" -o ../../bin/helm helm.sh/helm/v4/cmd/helm

bin/kustomize: bench/peers/go.mod
	CGO_ENABLED=0 go build -C bench/peers -trimpath -ldflags "-s -w" -o ../../bin/kustomize sigs.k8s.io/kustomize/kustomize/v5

golden: ## accept the output of the tests as the new expected output
	UPDATE_GOLDEN=1 go test -short ./...

clean: ## remove what make built (Go's own cache stays)
	rm -rf bin
