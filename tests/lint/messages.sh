#!/bin/sh
# Error messages are lower case at the start and have no full stop at the end.
tests/files 'core/*.c' 'dwarf/*.c' 'graph/*.c' 'cli/*.c' | xargs -r grep -nE 'hg_error_(format|create|context)[a-z_]*\([^"]*"([A-Z][a-z]|[^"]*\.")'
exit 0
