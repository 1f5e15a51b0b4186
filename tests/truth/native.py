"""What the truth tests of C and C++ share: compilers, C libraries of other releases, building fixtures and tools."""
import functools
import os
import shutil
import subprocess
import threading

from harness import BUILD, Failed, LIMIT, Skipped, TOP

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
COMPILERS = {  # name -> language -> command
    "gcc": {"c": ["gcc", "-std=gnu11"], "cxx": ["g++", "-std=gnu++17"]},
    "clang": {"c": ["clang", "-std=gnu11"], "cxx": ["clang++", "-std=gnu++17"]},
    "libc++": {"cxx": ["clang++", "-std=gnu++17", "-stdlib=libc++"]},
}
_lock = threading.Lock()


@functools.lru_cache(maxsize=None)
def libcs():
    """Returns {"bookworm": (version, folder or None, reason)}."""
    said = subprocess.run([TOP / "tests/libc.sh", *os.environ.get("LIBC_SUITES", "").split()],
                          capture_output=True, text=True, check=True).stdout
    table = {}
    for line in said.splitlines():
        suite, version, rest = line.split(" ", 2)
        table[suite] = (suite, None, rest) if version == "-" else (version, rest, "")
    return table


def find_in(folder, *places):
    for place in places:
        if os.path.exists(f"{folder}/{place}"):
            return f"{folder}/{place}"
    raise Failed(f"{folder} has no {places[0]}")


def link_with(suite):
    """The words that make gcc link a program with another C library and start it by that library's loader."""
    _, folder, reason = libcs()[suite]
    if not folder:
        raise Skipped(f"libc of {suite}: {reason}")
    start = f"{folder}/usr/lib/x86_64-linux-gnu"
    libs = os.path.dirname(find_in(folder, "lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"))
    loader = find_in(folder, "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    before = ["-nostdlib", f"{start}/Scrt1.o", f"{start}/crti.o"]
    after = [f"-L{libs}", f"-L{start}", f"-Wl,-rpath,{libs}", f"-Wl,-dynamic-linker,{loader}", "-Wl,--allow-shlib-undefined",
             f"{libs}/libpthread.so.0", f"{libs}/libdl.so.2", f"{libs}/libc.so.6", f"{start}/libc_nonshared.a", "-lgcc",
             f"{start}/crtn.o"]
    return before, after


def command_of(compiler, language):
    words = COMPILERS[compiler].get(language)
    if not words or not shutil.which(words[0]):
        raise Skipped(f"no {compiler} for {language} here")
    return words


def build(fixture, compiler="gcc", flags=("-O1",), before=(), after=("-pthread", "-ldl"), variant="plain"):
    """Builds fixtures/c/NAME.c or fixtures/cxx/NAME.cc ("c/NAME", "cxx/NAME") and returns its path."""
    language, name = fixture.split("/")
    words = command_of(compiler, language)
    source = TOP / "fixtures" / language / (name + {"c": ".c", "cxx": ".cc"}[language])
    newest = max(f.stat().st_mtime for f in [source, *source.parent.glob("*.h"), *(TOP / "fixtures/c").glob("*.h")])
    out = BUILD / "fixtures" / language / compiler / variant / name
    with _lock:
        if not out.exists() or out.stat().st_mtime < newest:
            out.parent.mkdir(parents=True, exist_ok=True)
            done = subprocess.run([*words, "-g", *WARNINGS, *flags, *before, source, "-o", out, *after],
                                  capture_output=True, text=True, timeout=LIMIT, cwd=TOP)
            if done.returncode:
                raise Failed(f"{' '.join(words)} {source.name}: {done.stderr}"[:900])
    return out


@functools.lru_cache(maxsize=None)
def tool(name):
    """Builds tests/tools/NAME.c."""
    path = BUILD / "tools" / name
    with _lock:
        done = subprocess.run(["make", "--no-print-directory", "-s", f"build/tools/{name}"], cwd=TOP, capture_output=True,
                              text=True, timeout=900)
    if done.returncode:
        raise Failed(f"make {name}: {done.stderr}"[:900])
    return path
