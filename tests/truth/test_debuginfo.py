"""Forms of debug info: whatever compilers and tools make of it, a report says what it says of the plain build."""
import pathlib
import re
import shutil
import subprocess
import threading

import native
from harness import BUILD, Core, Failed, LIMIT, Skipped, TOP, Target, ask, expect

ENV = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
LANGUAGES = {"c": "c/shapes.c", "cxx": "cxx/containers.cc", "cxx-shapes": "cxx/shapes.cc"}
QUESTIONS = ["type", "root"]
_lock = threading.Lock()


def tool(name, *words, cwd):
    """Runs a tool; what it is not made for is skipped."""
    path = shutil.which(name)
    if not path:
        raise Skipped(f"no {name} here")
    done = subprocess.run([path, *map(str, words)], capture_output=True, text=True, timeout=LIMIT, cwd=cwd)
    if done.returncode:
        raise Failed(f"{name} {' '.join(map(str, words))}: {done.stderr[:400]}")


def compile_and_link(folder, language, compiler, version, flags=(), link=()):
    kind = language.split("-")[0]
    words = native.command_of(compiler, kind)
    common = [*words, "-O1", f"-gdwarf-{version}", "-I", TOP / "fixtures" / kind, *flags]
    for step in ([*common, "-c", TOP / "fixtures" / LANGUAGES[language], "-o", "shapes.o"],
                 [*common, "shapes.o", "-o", "shapes", "-pthread", "-ldl", *link]):
        done = subprocess.run(step, capture_output=True, text=True, timeout=LIMIT, cwd=folder)
        if done.returncode:
            raise Failed(f"{' '.join(map(str, step))}: {done.stderr}"[:900])


def flagged(*flags):
    return lambda folder, *build: compile_and_link(folder, *build, flags=flags)


def packaged(by, *flags):
    def make(folder, *build):
        compile_and_link(folder, *build, flags=["-gsplit-dwarf", *flags])
        tool(by, "-e", "shapes", "-o", "shapes.dwp", cwd=folder)
        (folder / "shapes.dwo").unlink()
    return make


def shared(*flags, names=("shapes", "other")):
    """Two programs whose debug info dwz moves into a third file."""
    def make(folder, *build):
        if names[0] == "shapes.debug":
            separate(folder, *build)
        else:
            compile_and_link(folder, *build)
        shutil.copy(folder / names[0], folder / names[1])
        before = (folder / names[0]).stat().st_size
        tool("dwz", *flags, "-m", "common.dwz", "-M", folder / "common.dwz", *names, cwd=folder)
        if (folder / names[0]).stat().st_size >= before or not (folder / "common.dwz").exists():
            raise Failed("dwz moved nothing")
    return make


def squeezed(folder, *build):
    compile_and_link(folder, *build, link=["-Wl,--build-id=sha1"])
    tool("dwz", "shapes", cwd=folder)


def recompressed(folder, *build):
    compile_and_link(folder, *build)
    tool("objcopy", "--compress-debug-sections=zstd", "shapes", cwd=folder)


def separate(folder, *build):
    compile_and_link(folder, *build, link=["-Wl,--build-id=sha1"])
    tool("objcopy", "--only-keep-debug", "shapes", "shapes.debug", cwd=folder)
    tool("objcopy", "--strip-debug", "--add-gnu-debuglink=shapes.debug", "shapes", cwd=folder)


def separate_split(folder, language, compiler, version):
    compile_and_link(folder, language, compiler, version, flags=["-gsplit-dwarf"], link=["-Wl,--build-id=sha1"])
    tool("objcopy", "--only-keep-debug", "shapes", "shapes.debug", cwd=folder)
    tool("objcopy", "--strip-debug", "--add-gnu-debuglink=shapes.debug", "shapes", cwd=folder)


def moved(folder, *build):
    """Program and .dwo lie elsewhere than where they were compiled."""
    compile_and_link(folder, *build, flags=["-gsplit-dwarf", "-fdebug-prefix-map=" + str(folder) + "=/nowhere"])


TYPES = "-fdebug-types-section"
ALL = "c cxx"
MORE = "c cxx cxx-shapes"
FORMS = {  # name -> (how it is made, compilers, versions, fixtures)
    "plain": (flagged(), "gcc clang", "4 5", ALL),
    "types": (flagged(TYPES), "gcc clang", "4 5", MORE),
    "split": (flagged("-gsplit-dwarf"), "gcc clang", "4 5", ALL),
    "split types": (flagged("-gsplit-dwarf", TYPES), "gcc clang", "4 5", MORE),
    "split single": (flagged("-gsplit-dwarf=single"), "clang", "4 5", "c"),
    "split moved": (moved, "gcc clang", "4 5", "c"),
    "split separate": (separate_split, "gcc clang", "4 5", "c"),
    "dwp": (packaged("dwp"), "gcc clang", "4", "cxx"),  # that of binutils knows no DWARF 5
    "dwp types": (packaged("dwp", TYPES), "gcc clang", "4", ALL),
    "llvm-dwp": (packaged("llvm-dwp-14"), "gcc clang", "4 5", ALL),
    "llvm-dwp types": (packaged("llvm-dwp-14", TYPES), "gcc clang", "4 5", MORE),
    "dwz": (squeezed, "gcc clang", "4", "cxx"),
    "dwz 5": (squeezed, "gcc", "5", ALL),  # dwz knows no .debug_addr, which clang makes
    "dwz shared": (shared(), "gcc clang", "4", MORE),
    "dwz shared 5": (shared(), "gcc", "5", ALL),
    "dwz standard": (shared("--dwarf-5"), "gcc", "5", "cxx"),
    "dwz separate": (shared(names=("shapes.debug", "other.debug")), "gcc", "4 5", "c"),
    "separate": (separate, "gcc clang", "4 5", "c"),
    "zlib": (flagged("-gz=zlib"), "gcc clang", "4 5", "c"),
    "zstd": (recompressed, "gcc clang", "4 5", "c"),
}


def build(form, language, compiler, version, name=None):
    folder = BUILD / "fixtures/debuginfo" / f"{language}-{compiler}-{version}" / (name or form).replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    FORMS[form][0](folder, language, compiler, version)
    return folder / "shapes"


def start(program):
    """Runs it with the same addresses each time."""
    return Target(pathlib.Path(shutil.which("setarch")), "-R", program, env=ENV)


def rows_of(core, question, *options):
    report = ask("top", core, f"--by={question}", "-n", "1000000", *options, runtime="glibc")
    return report["rows"], report["coverage"]["notes"]


def reports(program):
    """Its rows of each question, and the notes."""
    with start(program) as target, Core(target) as core:
        answers = {question: rows_of(core, question) for question in QUESTIONS}
    return {q: rows for q, (rows, _) in answers.items()}, [note for _, notes in answers.values() for note in notes]


_plain = {}


def plain(*made):
    with _lock:
        if made not in _plain:
            _plain[made] = reports(build("plain", *made))[0]
    return _plain[made]


def key_of(row):
    """A row without what is another number in each run."""
    return {k: re.sub(r"\bthread \d+", "thread", v) if k == "root" else v
            for k, v in row.items() if k in ("type", "root", "count", "bytes", "retained")}


def compare(got, expected):
    problems = []
    for question, rows in expected.items():
        have, want = [key_of(row) for row in got[question]], [key_of(row) for row in rows]
        lost, more = [row for row in want if row not in have], [row for row in have if row not in want]
        if lost or more:
            problems.append(f"by {question}: {len(lost)} of {len(want)} rows differ: {lost[:2]} became {more[:2]}")
    if problems:
        raise Failed("; ".join(problems)[:900])


def one(form, *made):
    got, notes = reports(build(form, *made))
    expect("notes", [], notes)
    compare(got, plain(*made))


def expect_note(program, file, what):
    """The file is named once, and all goes on with what is left."""
    with start(program) as target, Core(target) as core:
        rows, notes = rows_of(core, "root")
    if len(notes) != 1 or f"/{file}'" not in notes[0] or not notes[0].endswith(what):
        raise Failed(f"expected one note that '{file}' {what}, got {notes}")
    expect("g_big has a row", True, any(row["root"].endswith("g_big") for row in rows))


def lose(form, file, named, version):
    program = build(form, "c", "gcc", version, name=f"lost {form}")
    (program.parent / file).unlink()
    expect_note(program, named, "not found")


def other_build(version):
    program = build("split", "c", "gcc", version, name="other build")
    other = build("split", "cxx", "gcc", version, name="other build")
    shutil.copy(other.parent / "shapes.dwo", program.parent / "shapes.dwo")
    expect_note(program, "shapes.dwo", "is of another build")


def damaged():
    program = build("split", "c", "gcc", "5", name="damaged")
    (program.parent / "shapes.dwo").write_bytes(b"\x7fELF" + bytes(1000))
    expect_note(program, "shapes.dwo", "not found")


def under_sysroot(form, version):
    """Everything lies under another root than where it was made and run."""
    made = ("c", "gcc", version)
    program = build(form, *made, name=f"sysroot {form}")
    root = program.parent.parent / f"root-{form.replace(' ', '-')}"
    shutil.rmtree(root, ignore_errors=True)
    with start(program) as target, Core(target) as core:
        there = root / str(program.parent).lstrip("/")
        there.parent.mkdir(parents=True)
        program.parent.rename(there)
        got = {}
        for question in QUESTIONS:
            got[question], notes = rows_of(core, question, f"--sysroot={root}")
            expect("notes of the program", [], [note for note in notes if "shapes" in note])
    compare({"type": got["type"]}, {"type": plain(*made)["type"]})


def tests():
    for form, (_, compilers, versions, languages) in FORMS.items():
        for compiler in compilers.split():
            for version in versions.split():
                for language in languages.split():
                    if form != "plain":
                        yield (f"{form}: {language} {compiler} DWARF {version}",
                               lambda b=(form, language, compiler, version): one(*b))
    for form, file in [("split", "shapes.dwo"), ("dwp", "shapes.dwp"), ("dwz shared", "common.dwz"), ("dwz standard", "common.dwz")]:
        version = "4" if form == "dwp" else "5"
        named = file.replace("dwp", "dwo")  # without the package, the files in it are looked for
        yield f"lost {form}", lambda b=(form, file, named, version): lose(*b)
    for version in "4", "5":
        yield f"another build, DWARF {version}", lambda v=version: other_build(v)
    yield "damaged", damaged
    for form in "split", "dwz shared":
        yield f"sysroot {form}", lambda f=form: under_sysroot(f, "5")
