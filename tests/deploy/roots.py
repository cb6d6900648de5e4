"""Fresh Debian systems in directories, for a test to install into."""
import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PLACE = REPOSITORY / "build/deploy"
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))
# What apt and dpkg remember of themselves.
MEMORY = ("var/lib/apt", "var/lib/dpkg", "var/cache", "var/log", "proc", "sys", "dev", "tmp", "run", "src",
          "etc/ld.so.cache", "etc/.pwd.lock", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-",
          "etc/subuid-", "etc/subgid-", "var/lib/systemd/deb-systemd-helper-enabled")


def run(*command, **options):
    """Standard output; an AssertionError with all that was printed where it fails."""
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def archive(suite):
    """A minimal system as a tar file, made once."""
    path = PLACE / f"{suite}.tar"
    if not path.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part.tar")
        # Kustomize is not in Debian 12.
        run("mmdebstrap", "--variant=minbase", *(["--include=kustomize"] if suite != "bookworm" else []), suite, half)
        half.rename(path)
    return path


class Root:
    """Such a system, unpacked. In a mount namespace of the test's own: see private_mounts()."""

    def __init__(self, suite, directory):
        self.path = pathlib.Path(directory)
        run("tar", "-x", "-C", self.path, "-f", archive(suite), "--exclude=./dev/*")
        for kind in ("proc", "sys", "dev"):
            run("mount", "--rbind", f"/{kind}", self.path / kind)

    def run(self, *command):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return run("chroot", self.path, *command, env=environment)

    def read(self, path):
        return (self.path / path).read_text()

    def unmount(self):
        for kind in ("dev", "sys", "proc"):
            run("umount", "--lazy", self.path / kind)

    def files(self):
        """All that is there, but what apt and dpkg keep for themselves."""
        found = set()
        for directory, names, files in os.walk(self.path):
            place = os.path.relpath(directory, self.path)
            names[:] = [name for name in names if os.path.normpath(f"{place}/{name}") not in MEMORY]
            found.update(path for name in names + files
                         if (path := os.path.normpath(f"{place}/{name}")) not in MEMORY)
        return found
