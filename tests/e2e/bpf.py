"""eBPF objects of other processes, as bpftool and bpf() itself see them."""
import contextlib
import ctypes
import json
import os
import pathlib
import platform
import re
import struct
import subprocess

import harness
from privileges import SYS_BPF

LOOKUP, UPDATE, FROM_ID = 1, 2, 14

_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    attributes = ctypes.create_string_buffer(attributes, 128)
    result = _libc.syscall(SYS_BPF[platform.machine()], command, attributes, 128)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def bpf_objects(pid):
    """Programs, maps and links that the process holds: {(kind, id)}."""
    found = set()
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.update(re.findall(r"^(prog|map|link)_id:\t(\d+)$", info.read_text(), re.M))
    return found


def shown(kind, number):
    """What bpftool says of a program or map."""
    return json.loads(subprocess.run([harness.program("bpftool"), "-j", kind, "show", "id", number], check=True,
                                     capture_output=True, text=True).stdout)


class Table:
    """An array; its elements are bytes."""

    def __init__(self, number, size):
        self._value = ctypes.create_string_buffer(size)
        self._fd = bpf(FROM_ID, struct.pack("=I", number))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self._fd)

    def _do(self, command, index):
        key = ctypes.c_uint32(index)
        bpf(command, struct.pack("=I4xQQQ", self._fd, ctypes.addressof(key), ctypes.addressof(self._value), 0))

    def __getitem__(self, index):
        self._do(LOOKUP, index)
        return self._value.raw

    def __setitem__(self, index, value):
        self._value.raw = value
        self._do(UPDATE, index)
