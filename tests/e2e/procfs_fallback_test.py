#!/usr/bin/env python3
"""Where netlink is refused, /proc/net tells the same."""
import ctypes
import errno
import platform
import struct

import harness
import values_test
from harness import check_call

AF_NETLINK = 16
SYS_SOCKET = {"x86_64": 41, "aarch64": 198}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM


def deny_netlink():
    """From here on this process gets EPERM for socket(AF_NETLINK)."""
    program = b"".join(struct.pack("HBBI", *step) for step in (
        (LOAD, 0, 0, 0),  # the number of the system call
        (JUMP_IF_EQUAL, 0, 3, SYS_SOCKET[platform.machine()]),
        (LOAD, 0, 0, 16),  # its first argument
        (JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, FAIL),
        (RETURN, 0, 0, ALLOW),
    ))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    check_call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    filters = Program(len(program) // 8, program)
    check_call(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filters)))


class ProcfsFallbackTest(values_test.ValuesTest):
    prepare = deny_netlink
    sees_bound_only = False

    def check_queue_limit(self, port, limit):
        """/proc/net/tcp does not tell the limit of an accept queue: absent, not zero."""
        self.assertEqual(self.metrics.all("socket_listen_queue_limit", port=port), {})

    def test_says_so(self):
        features = [dict(key) for key in self.metrics.all("socket_exporter_feature_info")]
        self.assertTrue(any("netlink" in str(feature).lower() or "inet_diag" in str(feature)
                            for feature in features), features)


if __name__ == "__main__":
    harness.main()
