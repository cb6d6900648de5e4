#!/usr/bin/env python3
"""No two files that are linked together define a type of one full name: that breaks the rule of one
definition, and the linker silently takes either. What is in an unnamed namespace is its file's."""
import collections
import itertools
import pathlib
import re
import sys

FOLDERS = ("collectors", "exporter", "tests")
PROGRAMS = ("tests/fuzz/", "tests/bench/", "collectors/bpf/")  # of programs that are not linked together
NO_CODE = re.compile(
    r'R"(?P<raw>\w*)\(.*?\)(?P=raw)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-f])\'(?:\\.|[^\'\\\n])+\''
    r"|//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
TOKEN = re.compile(
    r"\bnamespace\b(?P<space>[\w\s:]*)\{"
    r"|(?<!enum )\b(?:class|struct|union)\s+(?:\[\[\w+\]\]\s*)?(?P<type>[\w:]+(?:\s*<[^{};()]*?>)?)"
    r"(?:\s+final)?(?:\s*:(?!:)[^{};()]*)?\s*\{"
    r"|(?P<open>\{)|\}")


def types(text):
    """Full names of the classes, structs and unions that the text defines for all files."""
    scopes = []  # names of what is open; "" for an unnamed namespace, a function and the like
    for token in TOKEN.finditer(NO_CODE.sub(" ", text)):
        if token[0] == "}":
            if scopes:
                scopes.pop()
            continue
        scopes.append("".join((token["space"] or token["type"] or "").split()))
        if token["type"] and all(scopes):
            yield "::".join(scopes)


def are_apart(one, other):
    in_programs = one.startswith(PROGRAMS) and other.startswith(PROGRAMS)
    return in_programs or one.replace("_absent.cpp", ".cpp") == other.replace("_absent.cpp", ".cpp")


def main():
    files = collections.defaultdict(set)
    for path in sorted(p for folder in FOLDERS for p in pathlib.Path(folder).rglob("*")):
        if path.suffix in {".h", ".cpp"} and "fixtures" not in path.parts:
            for name in types(path.read_text()):
                files[name].add(path.as_posix())
    found = [f"{other}: {name} is also defined in {one}: rename it, or put it in an unnamed namespace"
             for name in sorted(files) for one, other in itertools.combinations(sorted(files[name]), 2)
             if not are_apart(one, other)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
