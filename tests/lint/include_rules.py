#!/usr/bin/env python3
"""Every folder includes only what it may know about."""
import pathlib
import re
import sys

ANY = r".*"
NONE = r"(?!)"
SYSTEM = r"sys/|net/|netinet|arpa|linux|bpf|unistd|fcntl|sched\.h"

# First matching rule wins: files, what of ours they may include, headers they must not see.
RULES = (
    (r"collectors/base/", r"collectors/base/", r"bpf|linux|prometheus|CivetServer"),
    (r"collectors/bpf/", r"[a-z_]+\.h|collectors/bpf/", r"prometheus|fmt"),
    (r"collectors/kernel/", r"collectors/(base|kernel|bpf)/|.*\.skel\.h", r"prometheus|CivetServer"),
    (r"collectors/probes/", r"collectors/(base|probes)/", r"prometheus|CivetServer|bpf"),
    (r"collectors/", r"collectors/[a-z_]+\.h|collectors/(base|kernel|probes)/", SYSTEM + r"|CivetServer"),
    (r"exporter/scrape/", r"exporter/(scrape/|[a-z_]+\.h)|collectors/", SYSTEM + r"|CivetServer"),
    (r"exporter/http/", r"exporter/|collectors/(base/|collector\.h)", r"linux|bpf"),
    (r"exporter/config/", r"exporter/|collectors/(base/|[a-z_]+\.h)", r"linux|bpf"),
    (r"exporter/", r"exporter/|collectors/", r"linux|bpf"),
    (r"tests/", ANY, NONE),
)
# Third-party headers that stay in one folder.
HOMES = {
    "CivetServer.h": r"exporter/http/",
    "civetweb.h": r"exporter/http/",
    "CLI/": r"exporter/(config|cli)/",
    "yaml-cpp/": r"exporter/config/",
    "libdeflate.h": r"exporter/http/",
    "re2/": r"collectors/field_filter",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def complaints(name, text):
    ours, banned = next((ours, banned) for files, ours, banned in RULES if re.match(files, name))
    for quote, header in INCLUDE.findall(text):
        if quote == '"' and not re.fullmatch(f"(?:{ours}).*", header):
            yield f"{name}: may not include {header}"
        if quote == "<" and re.match(banned, header):
            yield f"{name}: may not see <{header}>"
        home = next((home for prefix, home in HOMES.items() if header.startswith(prefix)), None)
        if home and not re.match(rf"{home}|tests/", name):
            yield f"{name}: <{header}> belongs to {home}"


def main():
    found = []
    for folder in ("collectors", "exporter", "tests"):
        for path in sorted(pathlib.Path(folder).rglob("*.[ch]*")):
            if path.suffix in (".h", ".c", ".cpp"):
                found += complaints(path.as_posix(), path.read_text())
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
