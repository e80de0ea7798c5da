# SPDX-License-Identifier: Apache-2.0
#
# The front door.  Meson and Ninja do the work; these words are all that one
# needs to know:
#
#   make           build/casemate, after installing what is missing through apt
#   make demo      the guided tour, in a throwaway workspace
#   make test      all tests that need no server; under sanitizers by default,
#                  `make test CC=clang SANITIZE=0` for another compiler's release;
#                  TIER=unit, lint, fault, e2e or server picks one
#   make test-all  the same and those that need real servers
#   make lint      every rule of the house that a script can check
#   make format    put the sources into the form that the lint asks for
#   make fuzz      every fuzz target, FUZZ_SECONDS each (600)
#   make fault     the fault loops in full length
#   make bench     the measurements beside other tools
#   make install   to PREFIX (/usr/local), below DESTDIR

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?= 1
FUZZ_SECONDS ?= 600

compiler := $(notdir $(firstword $(CC)))
clang := $(if $(findstring clang,$(compiler)),clang)
release := --buildtype=release -Dtests=false
ifeq ($(SANITIZE),0)
test_dir := build/test/$(compiler)-release
test_flags := --buildtype=release
else
test_dir := build/test/$(compiler)-sanitize
# Sanitizers make gcc warn of what cannot happen; the release builds hold -Werror.
test_flags := -Db_sanitize=address,undefined -Db_lundef=false \
    -Doptimization=1 -Dwerror=false
endif
fuzz_flags := -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link -Dwerror=false

# $(call compile,DIR,FLAGS): configure DIR once, bring it up to date, and leave
# the program at DIR/casemate.
define compile
@test -f $(1)/build.ninja || CC="$(CC)" meson setup $(1) $(2)
@ninja -C $(1)
@test -e $(1)/casemate || ln -s src/casemate $(1)/casemate
endef

all:
	@tools/packages build $(clang)
	$(call compile,build,$(release) --prefix=$(PREFIX))

demo: all
	@tools/packages demo
	@build/casemate demo

test test-all:
	@tools/packages build test $(clang) $(if $(filter test-all,$@),server)
	$(call compile,$(test_dir),$(test_flags))
	@tools/test $(if $(filter test-all,$@),--server) \
	    $(if $(TIER),--only $(TIER)) $(test_dir)

fault:
	@tools/packages build test $(clang)
	$(call compile,$(test_dir),$(test_flags))
	@tools/test --only fault --long $(test_dir)

fuzz: override CC := clang
fuzz:
	@tools/packages build test clang
	$(call compile,build/fuzz,$(fuzz_flags))
	@tools/fuzz build/fuzz $(FUZZ_SECONDS) $(TARGET)

bench: all
	@tools/packages demo bench
	@CASEMATE=$(CURDIR)/build/casemate tests/bench/run

lint: all
	@tools/packages lint
	@python3 tools/lint

format:
	@tools/packages lint
	@python3 tools/lint --format

install: all
	@meson configure build -Dprefix=$(PREFIX)
	@DESTDIR="$(DESTDIR)" meson install -C build

clean:
	rm -rf build

.PHONY: all demo test test-all fault fuzz bench lint format install clean
