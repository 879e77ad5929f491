# "make check" is the loop: under two minutes, no network, no root, no servers. "make test" is the gate: the README names
# it, and CI runs it.

GO ?= go
BIN := $(CURDIR)/bin

# How long the tests of one package may take. They have no other time limits: what waits for something waits almost as long
# (testing.T.Deadline), so that a slow machine makes no test fail.
TEST_TIMEOUT ?= 30m

.PHONY: build check test fmt vet vet-systems vet-integration staticcheck unit-short unit integration fuzz cover

build: ## the program, in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/transship ./cmd/transship

check: fmt vet vet-systems unit-short

# vet and staticcheck look at what the race detector's tests are built of.
test: RACE := -race
test: fmt vet vet-integration tools staticcheck workflows unit integration

fmt:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet $(RACE) ./... ./testdata/image

# The other systems that a release is built for, tests included. It compiles all anew for each, which is why CI leaves it to
# the systems of its matrix.
vet-systems:
	GOOS=darwin $(GO) vet ./...
	GOOS=freebsd $(GO) vet ./...
	GOOS=windows $(GO) vet ./...

# Two programs of few lines import many hundreds of packages, which vet and staticcheck would look at as well: they are only built.
CHECKED = $$($(GO) list ./... | grep -v -e '/cncf$$' -e '/dockercli$$')

vet-integration:
	cd integration && $(GO) vet $(RACE) $(CHECKED)

# staticcheck is a tool of the integration module, so that the product's go.mod stays at three modules.
STATICCHECK = $$(cd $(CURDIR)/integration && $(GO) tool -n staticcheck)
WITH_RACE = GOFLAGS="$$($(GO) env GOFLAGS) $(RACE)"
staticcheck:
	check="$(STATICCHECK)" && $(WITH_RACE) "$$check" ./...
	cd integration && check="$(STATICCHECK)" && $(WITH_RACE) "$$check" $(CHECKED)

# Not a tool of the integration module: it does not compile with the YAML module that oras requires.
.PHONY: workflows
workflows:
	GOFLAGS= $(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/*.yml docs/ci/github.yml

# The byte oracle: docker's manifest commands at a pinned version, whatever docker the machine has.
export TRANSSHIP_DOCKER_MANIFEST := $(BIN)/docker-manifest

.PHONY: oracle
oracle:
	cd integration && $(GO) build -o $(BIN)/docker-manifest ./dockercli

# The programs that the tests run. Without this, the first tests of several packages would build them at a time, each for itself.
.PHONY: tools
tools:
	cd integration && for tool in $$($(GO) list tool); do $(GO) tool -n "$${tool##*/}" >/dev/null || exit 1; done

# vet has looked at all packages already, with more checks than "go test" makes.
GO_TEST = $(GO) test -vet=off -timeout $(TEST_TIMEOUT)

unit-short:
	$(GO_TEST) -short ./...

unit: oracle
	$(GO_TEST) -race ./...

# Only packages that have tests: "go test ./..." would build the others as well, with the race detector and all they import.
# The tests wait for servers and clients much of the time: more run at a time than there are processors.
integration: oracle tools
	cd integration && $(GO_TEST) -race -count=1 -parallel $$((2 * $$(getconf _NPROCESSORS_ONLN))) $$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)

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

# Deltas between two layers, made of the Debian packages in two folders, for docs/performance.md.
.PHONY: deltas
deltas:
	cd integration && $(GO) run ./deltas $(abspath $(OLD)) $(abspath $(NEW))

# What the unit tests cover. The program tests in cmd/transship cover the packages below it, so all packages are counted in
# every test.
cover:
	@mkdir -p $(BIN)
	$(GO_TEST) -short -coverpkg=./... -coverprofile=$(BIN)/cover.out ./... >$(BIN)/cover.log || { grep -v 'no statements' $(BIN)/cover.log; exit 1; }
	@awk 'NR > 1 { size[$$1] = $$2; ran[$$1] += $$3 } END { for (block in size) { p = block; sub("/[^/]*$$", "", p); \
		all[p] += size[block]; if (ran[block]) covered[p] += size[block] } \
		for (p in all) printf "%5.1f%%  %s\n", 100 * covered[p] / all[p], p }' $(BIN)/cover.out | sort -k 2
	@$(GO) tool cover -func=$(BIN)/cover.out | tail -n 1

# The comparison with other tools, side by side (docs/performance.md). It installs them from their modules, takes some
# minutes and 3 GB of memory, and is no part of the tests. PEERS are its flags: make peers PEERS='-rounds 1 -works copy'.
.PHONY: peers peers-growth
peers: build
	cd integration && $(GO) run ./peers -bin $(BIN) $(PEERS)

# Time and memory of transship alone with more and more images and larger and larger blobs, as far as memory reaches.
peers-growth: build
	cd integration && $(GO) run ./peers -bin $(BIN) -growth $(PEERS)

# Registries side by side by transship bench mix, a stall that must show, the rate that the generator makes, and agreement with
# zot's zb (docs/registries-measured.md). zot and zb are no modules to install: ZOT=/path/to/zot and ZBENCH=/path/to/zb name them,
# without which they are left out. The registries keep their content in RAM. MEASURED='-run TestStall' runs one part.
RAM ?= /dev/shm
.PHONY: registries-measured
registries-measured:
	@mkdir -p $(BIN)/measured
	$(if $(OLAREG),,GOBIN=$(BIN) $(GO) install github.com/olareg/olareg/cmd/olareg@v0.1.2)
	cd integration && TMPDIR=$(RAM) OLAREG="$(or $(OLAREG),$(BIN)/olareg)" ZOT="$(ZOT)" ZBENCH="$(ZBENCH)" \
		TRANSSHIP_MEASURED=$(BIN)/measured $(GO) test -count=1 -timeout 60m -v $(MEASURED) ./measured

# zot's benchmark zb against the same registries in turns (docs/performance.md): make zb ZBENCH=/path/to/zb ROWS=' 1MB'.
# CLIENTS and REQUESTS are zb's -c and -n, TURNS how often, and REGISTRIES='serve|zot' runs less.
ROWS ?= .
.PHONY: zb
zb:
	$(MAKE) registries-measured MEASURED='-run TestZB' ROWS='$(ROWS)'

# Whether the verdicts in testdata/verdicts are still what cosign, sigstore-go and notation-go say, of a registry in memory and of
# transship serve. UPDATE=1 makes all cases anew, with ONLY=prefix those of a name. It is a module of its own that takes minutes to
# build, and is no part of the tests.
.PHONY: verdicts
verdicts: build
	cd integration/verdicts && $(GO) build -o $(BIN)/verdicts .
	$(BIN)/verdicts -dir testdata/verdicts $(if $(UPDATE),-update -only "$(ONLY)")
	$(BIN)/verdicts -dir testdata/verdicts -program $(BIN)/transship

# What the conformance program of the distribution specification says of five registries, beside what transship probe says of
# them: both must agree, and serve must pass every test. zot is no module to install: ZOT=/path/to/zot names its program, without
# which it is left out. UPDATE=1 keeps the verdicts in integration/testdata/conformance, which the tests hold probe against, and
# makes the table of docs/registries.md. The programs are a module of their own; it takes some minutes.
.PHONY: conformance
conformance:
	cd integration/conformance/programs && $(GO) build -o $(BIN)/ tool
	cd integration && ZOT="$(ZOT)" TRANSSHIP_CONFORMANCE=$(BIN) $(GO_TEST) -count=1 -v -run '^TestConformance$$' ./conformance $(if $(UPDATE),-update)
	$(if $(UPDATE),cd integration && $(GO_TEST) -count=1 -run '^TestTable$$' ./conformance -update)

# A whole registry copied by several workers, some of them killed (docs/scale.md): make scale SCALE='-shards 1,2,4,8 -kills 0'.
.PHONY: scale
scale: build
	cd integration && $(GO) run ./scale -program $(BIN)/transship $(SCALE)

# Everything of a release in dist/ (docs/install.md): make release VERSION=v0.2.0. TARGETS=linux/amd64 builds less.
.PHONY: release
release:
	cd integration && $(GO) run ./release -version "$(VERSION)" -out $(CURDIR)/dist -targets "$(TARGETS)"

# The release's files in a Debian that has nothing else, made by debootstrap (docs/install.md). It needs root and a mirror of
# Debian, and takes two minutes.
.PHONY: fresh
fresh:
	cd integration && TRANSSHIP_FRESH=1 TRANSSHIP_REQUIRE_ALL=1 $(GO_TEST) -count=1 -v -run '^TestFreshDebian$$' ./release

# The pages and images that the program makes, looked at in headless Chromium at two widths, light and dark.
.PHONY: pages
pages:
	cd integration && TRANSSHIP_PAGES=1 TRANSSHIP_REQUIRE_ALL=1 $(GO_TEST) -count=1 -v -run '^TestPages$$' ./pages

# What is left of a push, a pull and a save when the machine loses its power. It needs root, loop devices, and the file systems
# XFS and ext4 with their tools.
.PHONY: powerloss
powerloss:
	cd integration && TRANSSHIP_POWERLOSS=1 $(GO_TEST) -count=1 -v -run '^TestPowerLoss$$' ./e2e
