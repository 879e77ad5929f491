# The README's second command is "make test"; CI runs the same.

GO ?= go
BIN := $(CURDIR)/bin

.PHONY: build test fmt vet staticcheck unit integration fuzz cover

build: ## the program, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/transship ./cmd/transship

test: fmt vet staticcheck unit integration

fmt:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./... ./testdata/image
	cd integration && $(GO) vet ./...

# staticcheck is a tool of the integration module, so that the product's go.mod stays at three modules.
staticcheck:
	cd integration && $(GO) build -o $(BIN)/staticcheck honnef.co/go/tools/cmd/staticcheck
	$(BIN)/staticcheck ./...
	cd integration && $(BIN)/staticcheck ./...

# The byte oracle: docker's manifest commands at a pinned version, whatever docker the machine has.
export TRANSSHIP_DOCKER_MANIFEST := $(BIN)/docker-manifest

.PHONY: oracle
oracle:
	cd integration && $(GO) build -o $(BIN)/docker-manifest ./dockercli

unit: oracle
	$(GO) test -race ./...

integration: oracle
	cd integration && $(GO) test -race -count=1 -timeout 15m ./...

# Every fuzz target for FUZZTIME, one after the other.
FUZZTIME ?= 10s
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# docs/example.har, a recorded copy of the demo's image between two registries, and docs/example.svg, its waterfall.
.PHONY: example
example:
	cd integration && TRANSSHIP_EXAMPLE=$(CURDIR)/docs $(GO) test -count=1 -run '^TestExample$$' ./e2e

cover:
	$(GO) test -coverprofile=$(BIN)/cover.out ./... && $(GO) tool cover -func=$(BIN)/cover.out | tail -n 1

# The comparison with other tools, side by side (docs/performance.md). It installs them from their modules, takes some
# minutes and 3 GB of memory, and is no part of the tests. PEERS are its flags: make peers PEERS='-rounds 1 -works copy'.
.PHONY: peers peers-growth
peers: build
	cd integration && $(GO) run ./peers -bin $(BIN) $(PEERS)

# Time and memory of transship alone with more and more images and larger and larger blobs, as far as memory reaches.
peers-growth: build
	cd integration && $(GO) run ./peers -bin $(BIN) -growth $(PEERS)
