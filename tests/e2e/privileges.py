"""What a process may do: for a child, between fork() and exec()."""
import ctypes
import errno
import os
import platform
import struct

from harness import NOBODY, check_call

SYS_SOCKET = {"x86_64": 41, "aarch64": 198}
SYS_BPF = {"x86_64": 321, "aarch64": 280}
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
AF_NETLINK = 16
PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 8, 22, 38, 47
SECCOMP_MODE_FILTER = 2
CAP_AMBIENT_RAISE = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM
CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 19, 21, 38, 39

_libc = ctypes.CDLL(None, use_errno=True)


def _filter(*steps):
    """From here on seccomp decides by these steps."""
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))

    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    check_call(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    filters = Program(len(steps), program)
    check_call(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filters)))


def deny_netlink():
    """This process gets EPERM for socket(AF_NETLINK)."""
    _filter((LOAD, 0, 0, 0),  # the number of the system call
            (JUMP_IF_EQUAL, 0, 3, SYS_SOCKET[platform.machine()]),
            (LOAD, 0, 0, 16),  # its first argument
            (JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
            (RETURN, 0, 0, FAIL),
            (RETURN, 0, 0, ALLOW))


def deny_bpf():
    """This process gets EPERM for bpf(), as in most containers. CAP_SYS_ADMIN would allow it."""
    _filter((LOAD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, SYS_BPF[platform.machine()]),
            (RETURN, 0, 0, FAIL),
            (RETURN, 0, 0, ALLOW))


def become_user(user, group, *capabilities):
    """For a child process: these, and these capabilities only."""
    check_call(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    masks = [sum(1 << number % 32 for number in capabilities if number // 32 == word) for word in (0, 1)]
    header = struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0)
    check_call(_libc.syscall(SYS_CAPSET[platform.machine()], header,
                             b"".join(struct.pack("III", mask, mask, mask) for mask in masks)))
    for number in capabilities:
        check_call(_libc.prctl(PR_CAP_AMBIENT, CAP_AMBIENT_RAISE, number, 0, 0))


def become_nobody_with(*capabilities):
    """For `prepare`: no user, no group, and these capabilities only."""
    return lambda: become_user(NOBODY, NOBODY, *capabilities)
