#!/bin/sh
# The layout is clang-format's, version 14 (Debian 12's), so that everyone's is the same.
tool=$(command -v clang-format-14) || { echo "skip: no clang-format-14 here"; exit 0; }
tests/files '*.c' '*.h' | xargs "$tool" --dry-run -Werror 2>&1 | grep 'error:'
