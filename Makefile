# make run | build | test | bench | crash-test | simulate | kill-loop | torture | abuse | mutants | sanitize | fuzz | service-test |
#      format | generate | documentation | examples | version.
# Each target installs missing packages and says so.

# Links the standard library statically: faster, and nothing to install. Strips symbols, which double the size. The
# compiler and, at run time, the tests find overlapping accesses; checking each access at run time costs 3 % here.
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
## output is in .build/test.log. IMMUDB_TEST_WIDTH=8 tests run at a time: if hundreds ran at once, each would wait
## minutes for its turn, and a missed deadline could not be told from a hang. Builds product by product: `--build-tests`
## would also compile protoc, which nothing needs.
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
## every failing call and every flipped bit of a scripted workload: EXHAUSTIVE=1. Uses a debug build: for a few thousand
## seeds a release build takes longer than it saves.
SEEDS ?= 1000
FIRST_SEED ?= 1
simulate: dependencies
	swift build --product immudbPackageTests
	IMMUDB_SEEDS=$(SEEDS) IMMUDB_FIRST_SEED=$(FIRST_SEED) $(if $(EXHAUSTIVE),IMMUDB_EXHAUSTIVE=1) \
	    swift test --skip-build --filter StoreFaultTests

## Kills a writing process; the next process checks every entry and root; ROUNDS=20.
kill-loop: dependencies python
	$(SWIFT_BUILD) --product crash-writer
	$(PYTHON) Tests/EndToEndTests/Python/kill_loop.py \
	    "$$($(SWIFT_BUILD) --show-bin-path)/crash-writer" --rounds $(ROUNDS)

## Failing system calls, full disks, signals, copies, kill -9; takes hours: SEED=1, TORTURE="--only sweep". Linux only.
SEED ?= $(shell date +%s)
torture: build python
	Scripts/torture.sh --seed $(SEED) $(if $(filter command line environment,$(origin ROUNDS)),--rounds $(ROUNDS)) $(TORTURE)

## Attacks over real sockets, beside an honest client; takes half an hour: ABUSE="--only resets", "--list". Linux only.
abuse: build python
	Scripts/abuse.sh $(ABUSE)

## Mutation tests: breaks one promise after another in a copy, and expects a test to fail. ONLY=3,7-9; GROUP=ledger;
## CHECK=1 only checks that the list still matches the sources, which takes no time.
mutants: $(if $(CHECK),,dependencies)
	Scripts/mutants.py $(if $(CHECK),--check) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(GROUP),--group $(GROUP))

## The tests of the transport and of the server under ThreadSanitizer, then under AddressSanitizer: any report is an
## error. STRESS=20 seconds for each stress test; SANITIZERS=thread for one of the two.
STRESS ?= 20
SANITIZERS ?= thread address
sanitize: dependencies python
	Scripts/sanitize.sh $(STRESS) $(SANITIZERS)

## libFuzzer on all code that parses untrusted bytes: TIME=600 seconds per target, TARGETS="ledger settings". Each
## finding becomes a file in Fuzz/findings, which `make test` replays.
TIME ?= 600
fuzz: dependencies
	Scripts/fuzz.sh $(TIME) $(TARGETS)

## Installs, manages and removes the service under a separate systemd in namespaces. Needs Linux and root.
service-test: build
	Scripts/service-test.sh bin

format:
	swift format --in-place --recursive --parallel Sources Tests Benchmarks Examples Fuzz/Sources Fuzz/Package.swift \
	    Package.swift

## Generates the Swift code of the messages from Sources/ImmudbProtocol/Protos.
generate: dependencies
	Scripts/generate-protocol.sh

## Prints the version of the sources, for tags and packages: CONTRIBUTING.md explains how to make a release.
version:
	@sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/ImmudbProtocol/ImmudbRelease.swift

## Builds the documentation of the libraries with docc, in .build/documentation.
documentation: dependencies
	swift build --product immudbPackageTests
	Scripts/documentation.sh .build/documentation

dependencies:
	@Scripts/install-dependencies.sh

## Installs grpcio and its tools, the independent peer of the tests.
python: dependencies
	@if [ ! -x $(PYTHON) ]; then echo "creating .venv for the Python peers of the tests"; \
	    python3 -m venv .venv; fi
	@if ! cmp -s Tests/requirements.txt .venv/installed.txt; then \
	    echo "installing Tests/requirements.txt into .venv"; \
	    .venv/bin/pip install --quiet --disable-pip-version-check -r Tests/requirements.txt \
	    && cp Tests/requirements.txt .venv/installed.txt; fi

## Installs Chromium, in which the tests open the console.
browser:
	@Scripts/install-dependencies.sh --browser

## Unpacks Debian's Prometheus, with which the tests check a scrape. Installing the package would start a service.
prometheus: dependencies
	@if command -v apt-get >/dev/null && [ ! -x .build-tools/usr/bin/prometheus ]; then \
	    echo "unpacking Debian's prometheus into .build-tools"; \
	    mkdir -p .build-tools && cd .build-tools && chmod 777 . && apt-get download -qq prometheus >/dev/null \
	    && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; fi

## Builds the Go example that the tests run: .build-examples/go/verified. Its libraries are Debian packages. The Python
## example needs only `python`.
examples: dependencies
	@if command -v apt-get >/dev/null; then Examples/go/build.sh .build-examples/go; \
	    else echo "Examples/go is not compiled: it needs the Go packages of Debian"; fi
