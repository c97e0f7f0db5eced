# `make help` lists the targets.
SHELL := /bin/bash

# Packages with assembly: tested a second time without it.
ASSEMBLY := ./native/... ./plugin/detailed ./plugin/surrogate
# Packages with goroutines: tested a second time with the race detector.
CONCURRENT := ./host ./host/compare ./host/sandbox ./plugin/abi ./plugin/dataset ./plugin/detailed ./plugin/network ./plugin/surrogate
# Everything that the WebAssembly guest may contain.
PORTABLE := ./native/... ./plugin/... ./wasm

# Sets UNDERSTUDY_PYTHON, UNDERSTUDY_BLUEPYOPT and UNDERSTUDY_BRIAN2, and lets no test be skipped
# for want of them.
ENVIRONMENT := environment=$$(tests/environment.sh) && eval "$$environment" && export UNDERSTUDY_REQUIRE=all

# The same for UNDERSTUDY_FULL_PYTHON, which has the frameworks whose files are imported, and MPI.
FULL := full=$$(tests/python-environment.sh) && eval "$$full"

# The same for UNDERSTUDY_NEST_PYTHON, which has NEST.
NEST := nest=$$(tests/nest-environment.sh) && eval "$$nest"

# The same for UNDERSTUDY_NODE_MODULES, which has TypeScript.
NPM := npm=$$(tests/npm-environment.sh) && eval "$$npm"

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: build
build: ## The command, build/understudy
	go build -o build/understudy ./host/cmd/understudy

.PHONY: run
run: build ## Compare a network of detailed neurons with the same network of surrogates
	build/understudy compare

.PHONY: lib
lib: ## The C library, build/libunderstudy.so, and its header
	cexport/lib/build.sh build
	cp cexport/include/understudy.h build/

# Below $(PREFIX); packagers set DESTDIR. Root often has no Go: then what `make build lib` made is installed.
PREFIX := /usr/local
export DESTDIR
.PHONY: install
install: $(if $(shell command -v go),build lib) ## The C library, its header, pkg-config and CMake files, and the command, below PREFIX=/usr/local
	cexport/lib/install.sh build "$(PREFIX)"

.PHONY: uninstall
uninstall: ## Remove what install put there
	cexport/lib/install.sh -u build "$(PREFIX)"

.PHONY: guest
guest: ## The WebAssembly guest, build/guest.wasm, and that which package host embeds
	wasm/build.sh build/guest.wasm
	go generate ./host/guest

.PHONY: environment
environment: ## Install what the tests need beyond Go; print where it is
	@tests/tools.sh
	@tests/environment.sh
	@tests/python-environment.sh
	@tests/nest-environment.sh
	@tests/npm-environment.sh

.PHONY: test
test: vet test-go test-purego test-emulated test-wasm test-race test-system test-python test-nest ## Set up what the tests need, and run all of them

.PHONY: vet
vet: ## Formatting and go vet, also for arm64 and WebAssembly
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
		if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	GOARCH=arm64 CGO_ENABLED=0 go vet ./...
	GOOS=wasip1 GOARCH=wasm go vet $(PORTABLE)

.PHONY: test-go
test-go: ## Go tests beside the code
	$(ENVIRONMENT) && go test $$(go list ./... | grep -v /tests/)

# Results are not taken from the cache: these tests build and run programs that
# Go does not know of.
.PHONY: test-system
test-system: ## Go tests in tests/: against NEURON and PyTorch, and through every door
	tests/tools.sh
	$(ENVIRONMENT) && $(FULL) && $(NEST) && $(NPM) && go test -count=1 -timeout 30m ./tests/...

.PHONY: test-purego
test-purego: ## Go tests of packages with assembly, without it
	go test -tags purego $(ASSEMBLY)

.PHONY: test-emulated
test-emulated: ## Go tests of the kernels under QEMU: AVX2 without AVX-512, arm64
	tests/emulated.sh

.PHONY: test-wasm
test-wasm: ## Go tests of the kernels compiled to WebAssembly, with its vectors and without
	tests/wasm.sh

.PHONY: test-amx
test-amx: ## The tests of kernel set amx in Bochs, which it builds (not part of test)
	tests/emulated-amx.sh

.PHONY: test-race
test-race: ## Go tests of packages with goroutines, under the race detector
	go test -race -skip 'Allocate|Doubted' $(CONCURRENT) # the detector itself allocates, and compiles the guest ten times slower

.PHONY: test-python
test-python: build lib ## Tests of the Python package
	$(ENVIRONMENT) && $(FULL) && export UNDERSTUDY_LIBRARY=$(CURDIR)/build/libunderstudy.so && \
		cd cexport/python && "$$UNDERSTUDY_FULL_PYTHON" -m pytest -q -p no:cacheprovider --ignore-glob='*/test_nest*.py'

.PHONY: test-nest
test-nest: build lib ## Tests of the NEST adapter
	$(ENVIRONMENT) && $(NEST) && export UNDERSTUDY_LIBRARY=$(CURDIR)/build/libunderstudy.so && \
		cd cexport/python && "$$UNDERSTUDY_NEST_PYTHON" -m pytest -q -p no:cacheprovider tests/test_nest*.py

.PHONY: check
check: test ## test, and that generated files, go.mod and the work tree are as committed
	go generate ./...
	go mod tidy
	@changed=$$(git status --porcelain); if [ -n "$$changed" ]; then echo "The work tree differs from the commit:"; echo "$$changed"; exit 1; fi

.PHONY: bench
bench: ## Benchmarks of kernels and engines
	go test -run '^$$' -bench . $(ASSEMBLY)

.PHONY: bench-detailed
bench-detailed: ## The detailed engine beside NEURON, CoreNEURON and Arbor, which it installs (BENCHFLAGS=-json, ...)
	go build -o build/bench-detailed ./tests/benchmarks
	build/bench-detailed $(BENCHFLAGS)

.PHONY: bench-surrogate
bench-surrogate: ## The surrogate engine beside ONNX Runtime and PyTorch, which it installs (BENCHFLAGS=-json, ...)
	go build -o build/bench-surrogate ./tests/benchmarks/surrogate
	build/bench-surrogate $(BENCHFLAGS)

.PHONY: bench-wasm
bench-wasm: ## The kernels in WebAssembly beside C with SSE4.1, and the engine in the sandbox beside itself outside (BENCHFLAGS='-only l5pc', ...)
	go build -o build/bench-wasm ./tests/benchmarks/wasm
	build/bench-wasm $(BENCHFLAGS)

.PHONY: bench-neuron
bench-neuron: lib ## What a surrogate costs in NEURON beyond its kernels, beside NEURON's IntFire1 (BENCHFLAGS=--json, ...)
	$(FULL) && UNDERSTUDY_LIBRARY=$(CURDIR)/build/libunderstudy.so "$$UNDERSTUDY_FULL_PYTHON" tests/benchmarks/neuron/bench.py $(BENCHFLAGS)

.PHONY: bench-nest
bench-nest: lib ## What a neuron costs in NEST beyond its kernels, beside NEST's own models (BENCHFLAGS=--json, ...)
	$(NEST) && UNDERSTUDY_LIBRARY=$(CURDIR)/build/libunderstudy.so "$$UNDERSTUDY_NEST_PYTHON" tests/benchmarks/nest/bench.py $(BENCHFLAGS)

.PHONY: bench-reduce
bench-reduce: ## neuron_reduce, which it installs, judged on DATA=dir of the cell of MORPHOLOGY=file (BENCHFLAGS=-frequency 38, ...)
	go build -o build/bench-reduce ./tests/benchmarks/neuron_reduce
	build/bench-reduce -data "$(DATA)" -morphology "$(MORPHOLOGY)" $(BENCHFLAGS)

FUZZTIME := 10s
.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (10s)
	@grep -rn --include='*_test.go' '^func Fuzz' . | sed 's/^\(.*\)\/[^/]*:[0-9]*:func \(Fuzz[A-Za-z0-9_]*\).*/\1 \2/' | \
		while read -r folder target; do \
			echo "$$folder $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$folder" || exit 1; done

.PHONY: clean
clean: ## Remove what was built; the tests' packages stay in ~/.cache/understudy
	rm -rf build compare-report.html
