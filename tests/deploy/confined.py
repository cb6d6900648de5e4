"""What systemd makes of a unit, without systemd: its command, its user, its capabilities and its system calls."""
import functools
import os
import pwd
import re
import subprocess

import seccomp

from privileges import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, become_user

NUMBERS = {"CAP_DAC_READ_SEARCH": 2, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": CAP_SYS_PTRACE, "CAP_PERFMON": CAP_PERFMON,
           "CAP_BPF": CAP_BPF, "CAP_SYS_ADMIN": CAP_SYS_ADMIN}


@functools.lru_cache(None)
def _members(name):
    """Of a group of system calls, by systemd itself; a call of its own is that."""
    if not name.startswith("@"):
        return frozenset([name])
    lines = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in lines.splitlines()[1:]]
    return frozenset().union(*(_members(word) for word in words if word and not word.startswith("#")))


def _all_of(names):
    return frozenset().union(*map(_members, names.split()))


class Unit:
    """Of a file, and of what `systemctl edit` adds to it."""

    def __init__(self, text, edit=""):
        self._text = f"{text}\n{edit}"

    def values(self, key):
        return re.findall(rf"^{key}=(.*)$", self._text, re.M)

    def command(self):
        return self.values("ExecStart")[0].removesuffix(" $ARGS").split()

    def calls(self):
        """All that SystemCallFilter lets through, line by line."""
        allowed = _members("@default")
        for line in self.values("SystemCallFilter"):
            allowed = allowed - _all_of(line[1:]) if line.startswith("~") else allowed | _all_of(line)
        return allowed

    def confine(self, root):
        """For `prepare`: this process is in that system, and what the unit allows. Any other system call ends it, so that
        none of them goes unnoticed."""
        allow = seccomp.SyscallFilter(defaction=seccomp.KILL_PROCESS)
        for call in self.calls():
            if seccomp.resolve_syscall(seccomp.Arch(), call) >= 0:
                allow.add_rule(seccomp.ALLOW, call)
        held = [NUMBERS[name] for name in " ".join(self.values("AmbientCapabilities")).split()]

        def prepare():
            os.chroot(root)
            os.chdir("/")
            user = pwd.getpwnam(self.values("User")[0])
            become_user(user.pw_uid, user.pw_gid, *held)
            allow.load()
        return prepare
