# heapgraph: make builds, make demo shows, make check tests. Sources are found by wildcard: a new file needs no edit here.
BUILD ?= build
MODE ?= release
CC ?= gcc
PREFIX ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif

BASE_FLAGS := -std=gnu11 -D_GNU_SOURCE -I. -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
FLAGS_release := -O3 -fno-plt
FLAGS_test := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DHG_FAULTS
FLAGS_static := -O3
CFLAGS ?=
# libdwarf.h lies in a folder of its own, named differently by each distribution.
DWARF_FLAGS := $(or $(shell pkg-config --cflags libdwarf 2>/dev/null),$(addprefix -idirafter ,$(wildcard /usr/include/libdwarf /usr/include/libdwarf-[0-9]*)))
ALL_CFLAGS := $(BASE_FLAGS) $(FLAGS_$(MODE)) -fPIC -pthread $(DWARF_FLAGS) $(CFLAGS)
LIBS := -ldwarf -lelf -lz -lzstd -lxxhash -lm
PACKAGES := gcc libelf-dev libdwarf-dev zlib1g-dev libzstd-dev libxxhash-dev

OUT := $(if $(filter release,$(MODE)),$(BUILD),$(BUILD)/$(MODE))
LIB_SOURCES := $(wildcard core/*.c core/base/*.c dwarf/*.c graph/*.c graph/heap/*.c graph/lang/*.c graph/report/*.c)
CLI_SOURCES := $(wildcard cli/*.c cli/cmd/*.c cli/render/*.c)
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
PAGES := $(wildcard docs/man/*.scd)

LIB_OBJECTS := $(LIB_SOURCES:%.c=$(OUT)/obj/%.o)
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(OUT)/obj/%.o)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(OUT)/unit/%)
FUZZ_TESTS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(OUT)/fuzz/%)
MAN_PAGES := $(PAGES:docs/man/%.scd=$(OUT)/man/%)

# V=1 shows the commands.
V ?=
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $@")

all: $(if $(and $(wildcard graph/heapgraph.c),$(wildcard graph/report/*.c)),$(OUT)/heapgraph,$(OUT)/libheapgraph.a)

# Says which packages are missing before the compiler drowns it; looked at once.
$(OUT)/libraries.ok:
	@mkdir -p $(@D)
	@for h in libelf.h libdwarf.h zlib.h zstd.h xxhash.h; do \
		printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\n' $$h | $(CC) $(ALL_CFLAGS) -fsyntax-only -x c - 2>/dev/null || \
		{ echo "heapgraph needs $$h; on Debian: apt-get install $(PACKAGES)" >&2; exit 1; }; done
	@touch $@

$(OUT)/heapgraph: $(CLI_OBJECTS) $(OUT)/libheapgraph.a
	$(call say,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libheapgraph.a: $(LIB_OBJECTS)
	$(call say,AR  )
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c | $(OUT)/libraries.ok
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: tests/unit/%.c $(OUT)/libheapgraph.a
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(OUT)/libheapgraph.a -lcmocka $(LIBS)

$(OUT)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(OUT)/libheapgraph.a
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< tests/fuzz/replay.c $(OUT)/libheapgraph.a $(LIBS)

# What only tests need: looks at a part of the library that no command shows by itself.
$(OUT)/tools/%: tests/tools/%.c $(OUT)/libheapgraph.a
	@mkdir -p $(@D)
	$(call say,TOOL)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(OUT)/libheapgraph.a $(LIBS)

$(OUT)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(call say,MAN )
	$(Q)scdoc < $< > $@

unit: $(UNIT_TESTS)
	@tests/unit.sh $(OUT) $(UNIT_TESTS)

fuzz-replay: $(FUZZ_TESTS)
	@tests/fuzz/replay.sh $(OUT) $(FUZZ_TESTS)

lint:
	@tests/lint/run.sh

truth: $(OUT)/heapgraph
	@python3 tests/truth/run.py $(TESTS)

man: $(MAN_PAGES)

demo:
	@tests/deps.sh demo
	@$(MAKE) --no-print-directory all
	@tests/demo.sh

check:
	@tests/deps.sh check
	@tests/run

# Real programs from the distribution's sources: needs a network and some minutes.
check-real: $(OUT)/heapgraph
	@tests/real/run.sh

# Snapshots of living processes, thousands of them: takes about half an hour.
check-live: $(OUT)/heapgraph
	@$(MAKE) --no-print-directory CC=gcc MODE=test all
	@python3 tests/live/run.py long

bench: $(OUT)/heapgraph
	@tests/bench/run.sh

# One binary without shared libraries, where the distribution has static ones.
static:
	@$(MAKE) --no-print-directory MODE=static LDFLAGS=-static all

install: $(OUT)/heapgraph
	install -Dm755 $(OUT)/heapgraph $(DESTDIR)$(PREFIX)/bin/heapgraph
	install -Dm644 $(OUT)/libheapgraph.a $(DESTDIR)$(PREFIX)/lib/libheapgraph.a
	@if command -v scdoc >/dev/null; then for p in $(PAGES:docs/man/%.scd=%); do \
		mkdir -p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.} && \
		scdoc < docs/man/$$p.scd > $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$$p; done; fi

clean:
	rm -rf $(BUILD)

-include $(shell find $(OUT)/obj $(OUT)/unit $(OUT)/fuzz $(OUT)/tools -name '*.d' 2>/dev/null)
.PHONY: all unit fuzz-replay lint truth man demo check check-live check-real bench static install clean
