# make run | build | test | bench | crash-test | simulate | kill-loop | torture | abuse | mutants | sanitize | fuzz | service-test |
#      format | generate | documentation | examples | version.
# Each installs what it lacks and says so.

# The standard library is linked in: faster, and nothing to install. Without symbols, as they double the size. Accesses
# that overlap are found by the compiler and, at run time, by the tests: looking for them at each access costs 3 % here.
SWIFT_BUILD := swift build -c release --static-swift-stdlib -Xlinker -s -Xswiftc -enforce-exclusivity=unchecked
PYTHON := .venv/bin/python3
EXECUTABLES := immudb immugw immuclient immuadmin immutest

.PHONY: build run test bench crash-test simulate kill-loop torture abuse mutants sanitize fuzz service-test format generate version \
    documentation dependencies python browser examples

## The executables, in bin/.
build: dependencies
	$(SWIFT_BUILD) --product immudb
	$(SWIFT_BUILD) --product immugw
	$(SWIFT_BUILD) --product immuclient
	$(SWIFT_BUILD) --product immuadmin
	$(SWIFT_BUILD) --product immutest
	@mkdir -p bin
	@for name in $(EXECUTABLES); do \
	    install -m 755 "$$($(SWIFT_BUILD) --show-bin-path)/$$name" bin/; done
	@echo "built: $(addprefix bin/,$(EXECUTABLES))"

## The server, on 127.0.0.1:3322, with its data in ./db.
run: build
	exec bin/immudb --dir ./db

## Every test, with the executables of the same build. Prints warnings, errors, failures and a summary; the complete
## output is in .build/test.log. IMMUDB_TEST_WIDTH=8 tests at a time: all at once, each of hundreds would wait minutes
## for its turn, and no deadline in a test could be told from a hang. Product by product: `--build-tests` would also
## compile protoc, which nothing needs.
test: dependencies python browser prometheus examples prometheus
	@Scripts/test.sh immudbPackageTests $(EXECUTABLES) crash-writer

## The figures, as a table. Takes some minutes and about 5 GB of disk.
bench: build
	$(SWIFT_BUILD) --product immudb-bench
	"$$($(SWIFT_BUILD) --show-bin-path)/immudb-bench"

## kill -9 under a write load, restart, prove every acknowledged entry; ROUNDS=20.
ROUNDS ?= 20
crash-test: build python
	Scripts/crash-test.sh $(ROUNDS) bin/immudb

## Random workloads, faults and crashes on a simulated disk, by seed: SEEDS=1000, FIRST_SEED=1; then every crash point,
## every failing call and every flipped bit of a scripted workload: EXHAUSTIVE=1. Not a release build: that takes longer
## than it saves for some thousand seeds.
SEEDS ?= 1000
FIRST_SEED ?= 1
simulate: dependencies
	swift build --product immudbPackageTests
	IMMUDB_SEEDS=$(SEEDS) IMMUDB_FIRST_SEED=$(FIRST_SEED) $(if $(EXHAUSTIVE),IMMUDB_EXHAUSTIVE=1) \
	    swift test --skip-build --filter StoreFaultTests

## A process that writes is killed, and the next one checks every entry and root; ROUNDS=20.
kill-loop: dependencies python
	$(SWIFT_BUILD) --product crash-writer
	$(PYTHON) Tests/EndToEndTests/Python/kill_loop.py \
	    "$$($(SWIFT_BUILD) --show-bin-path)/crash-writer" --rounds $(ROUNDS)

## Failing system calls, full disks, signals, copies, kill -9: hours; SEED=1, TORTURE="--only sweep". Linux only.
SEED ?= $(shell date +%s)
torture: build python
	Scripts/torture.sh --seed $(SEED) $(if $(filter command line environment,$(origin ROUNDS)),--rounds $(ROUNDS)) $(TORTURE)

## Attacks over real sockets, beside an honest client: half an hour; ABUSE="--only resets", "--list". Linux only.
abuse: build python
	Scripts/abuse.sh $(ABUSE)

## The tests tested: breaks one promise after the other in a copy, and expects a test to fail. ONLY=3,7-9; GROUP=ledger;
## CHECK=1 looks only whether the list still fits the sources, which takes no time.
mutants: $(if $(CHECK),,dependencies)
	Scripts/mutants.py $(if $(CHECK),--check) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(GROUP),--group $(GROUP))

## The tests of the transport and of the server under ThreadSanitizer, then under AddressSanitizer: any report is an
## error. STRESS=20 seconds for each stress test; SANITIZERS=thread for one of the two.
STRESS ?= 20
SANITIZERS ?= thread address
sanitize: dependencies python
	Scripts/sanitize.sh $(STRESS) $(SANITIZERS)

## libFuzzer on everything that takes bytes from outside: TIME=600 seconds a target, TARGETS="ledger settings". What it
## finds becomes a file in Fuzz/findings, which `make test` replays.
TIME ?= 600
fuzz: dependencies
	Scripts/fuzz.sh $(TIME) $(TARGETS)

## A systemd of its own, in namespaces: installs, rules and removes the service. Needs Linux and root.
service-test: build
	Scripts/service-test.sh bin

format:
	swift format --in-place --recursive --parallel Sources Tests Benchmarks Examples Fuzz/Sources Fuzz/Package.swift \
	    Package.swift

## The Swift of the messages, from Sources/ImmudbProtocol/Protos.
generate: dependencies
	Scripts/generate-protocol.sh

## The version of the sources, for tags and packages: CONTRIBUTING.md says how a release is made.
version:
	@sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/ImmudbProtocol/ImmudbRelease.swift

## The documentation of the libraries, by docc, in .build/documentation.
documentation: dependencies
	swift build --product immudbPackageTests
	Scripts/documentation.sh .build/documentation

dependencies:
	@Scripts/install-dependencies.sh

## grpcio and its tools: the independent peer of the tests.
python: dependencies
	@if [ ! -x $(PYTHON) ]; then echo "creating .venv for the Python peers of the tests"; \
	    python3 -m venv .venv; fi
	@if ! cmp -s Tests/requirements.txt .venv/installed.txt; then \
	    echo "installing Tests/requirements.txt into .venv"; \
	    .venv/bin/pip install --quiet --disable-pip-version-check -r Tests/requirements.txt \
	    && cp Tests/requirements.txt .venv/installed.txt; fi

## Chromium, in which the tests open the console.
browser:
	@Scripts/install-dependencies.sh --browser

## Debian's Prometheus, which the tests run on a scrape: unpacked, not installed, since the package starts a service.
prometheus: dependencies
	@if command -v apt-get >/dev/null && [ ! -x .build-tools/usr/bin/prometheus ]; then \
	    echo "unpacking Debian's prometheus into .build-tools"; \
	    mkdir -p .build-tools && cd .build-tools && chmod 777 . && apt-get download -qq prometheus >/dev/null \
	    && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; fi

## The example in Go, as the tests run it: .build-examples/go/verified. Its libraries are packages of Debian. The one in
## Python needs no more than `python`.
examples: dependencies
	@if command -v apt-get >/dev/null; then Examples/go/build.sh .build-examples/go; \
	    else echo "Examples/go is not compiled: it needs the Go packages of Debian"; fi
