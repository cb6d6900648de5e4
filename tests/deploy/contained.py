"""An image's files, run as a container engine would: its user, capabilities, mounts and cgroup, with a root that is read-only."""
import pathlib
import subprocess
import tempfile

from served import Served

DOCUMENTED = ("bpf", "perfmon", "net_admin", "sys_ptrace", "dac_read_search")
CONFIGURATION = "etc/socket-exporter/socket_exporter.yml"
# With the host's network and processes, in a cgroup namespace and with mounts of its own.
CONTAINER = """
set -e
cd /
image=$1 cgroups=$2 mounted=$3 configuration=$4
shift 4
echo $$ >"$cgroups/cgroup.procs"
exec unshare --cgroup --mount --propagation=private sh -c '
set -e
image=$1 host=$2 mounted=$3 configuration=$4
shift 4
mkdir -p "$image/host/sys/fs/cgroup"
mount --bind "$image" "$image"
mount -o remount,bind,ro "$image"
mount -t proc proc "$image/proc"
mount --rbind /sys "$image/sys"
umount -lR "$image/sys/fs/cgroup"
mount -t cgroup2 none "$image/sys/fs/cgroup"
if [ "$mounted" ]; then
  mount --bind "$host" "$image/host/sys/fs/cgroup"
  mount -o remount,bind,ro "$image/host/sys/fs/cgroup"
fi
if [ "$configuration" ]; then mount --bind "$configuration" "$image/etc/socket-exporter/socket_exporter.yml"; fi
exec "$@"
' sh "$image" "$(dirname "$cgroups")" "$mounted" "$configuration" "$@"
"""


def cgroup2():
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    return next(pathlib.Path(path) for _, path, kind, *_ in mounts if kind == "cgroup2")


class Container(Served):
    def __init__(self, image, settings, given, configuration):
        self._cgroup = pathlib.Path(tempfile.mkdtemp(prefix="socket_exporter_test_", dir=cgroup2()))
        self._configuration = tempfile.NamedTemporaryFile("w", suffix=".yml")
        self._configuration.write(configuration)
        self._configuration.flush()
        pathlib.Path(self._configuration.name).chmod(0o644)
        flags = ["--path.rootfs=/host", f"--config.file=/{CONFIGURATION}"] if configuration else []
        mounted = ("yes", self._configuration.name) if configuration else ("", "")
        user = settings["User"].split(":")[0]
        bounding = ",".join(["-all", *(f"+{name}" for name in given)])
        super().__init__("sh", "-c", CONTAINER, "sh", image, self._cgroup, *mounted, "chroot", image, "setpriv",
                         f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all",
                         f"--bounding-set={bounding}", *settings["Entrypoint"], *flags)

    def stop(self):
        code = super().stop()
        self._configuration.close()
        if self._cgroup.exists():
            self._cgroup.rmdir()
        return code


def serve(image, settings, given=DOCUMENTED, configuration=""):
    """With what `docker run` of the documentation gives it, where there is a configuration; otherwise without mounts."""
    return Container(image, settings, given, configuration)


def is_healthy(image, settings, port):
    """By the image's own check, of an exporter at that port."""
    kind, *command = settings["Healthcheck"]["Test"]
    if kind != "CMD":
        raise AssertionError(kind)
    return subprocess.run(["chroot", image, *(part.replace("10077", str(port)) for part in command)]).returncode == 0
