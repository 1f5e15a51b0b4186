# heapgraph: make builds, make demo shows, make check tests. Sources are found by wildcard: a new file needs no edit here.
BUILD ?= build
CC ?= gcc
MODE ?= release

BASE_FLAGS := -std=gnu11 -D_GNU_SOURCE -I. -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
FLAGS_release := -O3 -fno-plt
FLAGS_test := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS ?=
ALL_CFLAGS := $(BASE_FLAGS) $(FLAGS_$(MODE)) -fPIC -pthread $(CFLAGS)
LIBS := -ldwarf -lelf -lz -lzstd -lxxhash -lm

OUT := $(if $(filter release,$(MODE)),$(BUILD),$(BUILD)/$(MODE))
LIB_SOURCES := $(wildcard core/*.c core/base/*.c dwarf/*.c graph/*.c graph/heap/*.c graph/lang/*.c graph/report/*.c)
CLI_SOURCES := $(wildcard cli/*.c cli/cmd/*.c cli/render/*.c)
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)

LIB_OBJECTS := $(LIB_SOURCES:%.c=$(OUT)/obj/%.o)
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(OUT)/obj/%.o)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(OUT)/unit/%)

all: $(OUT)/heapgraph

$(OUT)/heapgraph: $(CLI_OBJECTS) $(OUT)/libheapgraph.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libheapgraph.a: $(LIB_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: tests/unit/%.c $(OUT)/libheapgraph.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(OUT)/libheapgraph.a -lcmocka $(LIBS)

unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do $$t || exit 1; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
.PHONY: all unit clean
