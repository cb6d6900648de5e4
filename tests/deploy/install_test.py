#!/usr/bin/env python3
"""The package and the image, each in a fresh system: installed, run with what it is given, upgraded, purged."""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import roots
from roots import PLACE, REPOSITORY, Root, run

import contained
import harness
import traffic
from confined import Unit
from served import Served
from specimens import private_mounts

UNIT = "usr/lib/systemd/system/socket-exporter.service"
CONFIGURATION = "etc/socket-exporter/socket_exporter.yml"
FULL = ("socket_walk", "all_netns", "process_walk", "connect_tracking", "response_times")


def setUpModule():
    private_mounts()


class PackageCase:
    """Of one Debian: with `suite` and `package`, the file."""

    def setUp(self):
        self.root = Root(self.suite, self.enterContext(tempfile.TemporaryDirectory(dir=PLACE)))
        self.addCleanup(self.root.unmount)
        self.root.run("apt-get", "update", "-qq")
        # What the package depends on may stay when it goes.
        needed = re.search(r"^ *Depends: (.*)$", run("dpkg-deb", "-f", self.package), re.M)[1]
        self.needed = [re.sub(r" .*", "", name) for name in needed.split(", ")]
        self.root.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *self.needed)
        self.before = self.root.files()

    def install(self, package):
        shutil.copy(package, self.root.path / "tmp/it.deb")
        return self.root.run("dpkg", "--install", "--force-confold", "/tmp/it.deb")

    def newer(self):
        """The same with a later version, and with a changed default of its configuration."""
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        run("dpkg-deb", "-R", self.package, directory / "it")
        control = directory / "it/DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", "Version: 99.0", control.read_text(), flags=re.M))
        with (directory / "it" / CONFIGURATION).open("a") as file:
            file.write("# new\n")
        run("dpkg-deb", "--root-owner-group", "-b", directory / "it", directory / "newer.deb")
        return directory / "newer.deb"

    def provider(self, name):
        """The installed package that is, or provides, what is called so."""
        rows = self.root.run("dpkg-query", "-W", "-f", "${Package} ${Provides}\\n").splitlines()
        return next(words[0] for row in rows if name in (words := re.findall(r"[^ ,()=]+", row)))

    def assert_bill_of_materials(self):
        """Of all that the package depends on, and of what is compiled in."""
        bill = json.loads(self.root.read("usr/share/doc/socket-exporter/sbom.cdx.json"))
        self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
        named = {each["name"]: each["version"] for each in bill["components"]}
        # Who needs no program is no library of it.
        needed = {self.provider(name) for name in self.needed} - {"adduser"}
        self.assertLessEqual(needed, set(named))
        self.assertLessEqual({"libcli11-dev", "nlohmann-json3-dev"}, set(named))
        for name in needed:
            installed = self.root.run("dpkg-query", "-W", "-f", "${source:Upstream-Version}", name)
            self.assertIn(installed.split("+")[0], named[name])
        self.assertEqual(set(bill["dependencies"][0]["dependsOn"]), set(named))

    def unit(self, edit=""):
        return Unit(self.root.read(UNIT), edit)

    def serve(self, address="127.0.0.1", edit=""):
        """As its unit does, with its user, its capabilities, its system calls and its flags."""
        unit = self.unit(edit)
        return Served(*unit.command(), address=address, prepare=unit.confine(self.root.path))

    def report(self):
        """By the command, under the same rules."""
        unit = self.unit()
        program, configuration = unit.command()
        done = subprocess.run([program, "report", configuration], preexec_fn=unit.confine(self.root.path),
                              capture_output=True, text=True, timeout=harness.LIMIT)
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)
        return done.stdout

    def assert_works_under_the_unit(self):
        """Also what it does only when there is something to see."""
        with self.serve() as exporter:
            (self.root.path / CONFIGURATION).write_text(traffic.CONFIGURATION)
            exporter.signal(signal.SIGHUP)
            exporter.wait_for_line("reload")
            features = exporter.features()
            self.assertEqual({name: features[name] for name in FULL}, dict.fromkeys(FULL, "on"))
            traffic.assert_seen(self, exporter, ({},))
            self.assertIn("TIME_WAIT", self.report())
        edit = re.search(r"^```ini\n(.*?)^```", (REPOSITORY / "deploy/README.md").read_text(), re.M | re.S)[1]
        with self.serve(edit=edit) as exporter:
            traffic.assert_seen(self, exporter)

    def test_whole_life(self):
        self.install(self.package)
        self.assertRegex(self.root.read("etc/passwd"), r"(?m)^socket-exporter:.*:/nonexistent:/usr/sbin/nologin$")
        manual = gzip.decompress((self.root.path / "usr/share/man/man1/socket_exporter.1.gz").read_bytes()).decode()
        self.assertIn("--collector.connects.top", manual.replace("\\", ""))
        self.assert_bill_of_materials()
        for address in self.addresses:
            with self.subTest(address), self.serve(address) as exporter:
                features = exporter.features()
                self.assertEqual({name: features[name] for name in FULL}, dict.fromkeys(FULL, "on"))
                self.assertGreater(len(exporter.scrape().all("socket_tcp_sockets")), 0)
        self.assert_works_under_the_unit()
        version = run("dpkg-deb", "-f", self.package, "Version").strip()
        self.assertIn("0.1.0", version)

        changed = self.root.path / CONFIGURATION
        changed.write_text("services: [{name: mine, match: [10.0.0.0/8]}]\n")
        self.install(self.newer())
        self.assertEqual(self.root.run("dpkg-query", "-W", "-f", "${Version}", "socket-exporter"), "99.0")
        self.assertIn("mine", changed.read_text())
        with self.serve() as exporter:
            self.assertEqual(exporter.features()["socket_walk"], "on")

        self.root.run("apt-get", "remove", "-qq", "-y", "socket-exporter")
        self.assertTrue(changed.exists())
        self.root.run("apt-get", "purge", "-qq", "-y", "socket-exporter")
        self.assertEqual(self.root.files() - self.before, set())
        self.assertNotIn("socket-exporter", self.root.read("etc/passwd"))


class Debian12Test(PackageCase, unittest.TestCase):
    suite = "bookworm"
    addresses = ("127.0.0.1",)

    @classmethod
    def setUpClass(cls):
        cls.package = run(REPOSITORY / "deploy/debian/build").splitlines()[-1]

    def test_lintian(self):
        self.assertEqual(run("lintian", "--allow-root", "--fail-on", "error,warning", self.package), "")

    def test_a_library_of_no_package_is_in_no_bill(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        library = re.search(r"libdeflate\.so\.0 => (\S+)", run("ldd", harness.BINARY))[1]
        shutil.copy(library, directory)
        with self.assertRaisesRegex(AssertionError, f"loads {directory}/libdeflate.so.0, which is of no Debian package"):
            run(REPOSITORY / "deploy/debian/sbom", harness.BINARY, "1.0", env=os.environ | {"LD_LIBRARY_PATH": str(directory)})

    def test_built_elsewhere_it_is_equal(self):
        self.assertIn("equal", run(REPOSITORY / "deploy/debian/check-reproducible"))
        program = run("dpkg-deb", "--fsys-tarfile", self.package, encoding="latin-1")
        self.assertNotIn(str(REPOSITORY), program)


class Debian13Test(PackageCase, unittest.TestCase):
    """The package that the image's build makes, and the image."""
    suite = "trixie"
    addresses = ("127.0.0.1", "::1")
    IMAGE = "socket-exporter"

    @classmethod
    def buildah(cls, *arguments):
        storage = PLACE / "images"
        return run("buildah", f"--root={storage}/layers", f"--runroot={storage}/run", "--storage-driver=vfs", *arguments,
                   env=os.environ | {"BUILDAH_ISOLATION": "chroot"}).strip()

    @classmethod
    def setUpClass(cls):
        base = cls.buildah("from", "scratch")
        cls.buildah("add", "--quiet", base, roots.archive(cls.suite), "/")
        cls.buildah("commit", "--quiet", "--rm", base, "debian-fresh")
        dockerfile = REPOSITORY / "deploy/docker/Dockerfile"
        built = PLACE / "trixie-build"
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        cls.buildah("bud", "--quiet", "--format=docker", f"--volume={built}:/src/build/package", "--build-arg=DEBIAN=localhost/debian-fresh",
                    f"--file={dockerfile}", f"--ignorefile={dockerfile}.dockerignore", f"--tag={cls.IMAGE}", REPOSITORY)
        cls.package = next(built.glob("*.deb"))
        cls.container = cls.buildah("from", cls.IMAGE)
        cls.image = pathlib.Path(cls.buildah("mount", cls.container))

    @classmethod
    def tearDownClass(cls):
        cls.buildah("rm", cls.container)

    def settings(self):
        return json.loads(self.buildah("inspect", "--type=image", self.IMAGE))["Docker"]["config"]

    def test_image_without_mounts(self):
        """What a container lacks for response times is said."""
        with contained.serve(self.image, self.settings()) as exporter:
            features = exporter.features()
            self.assertEqual((features["connect_tracking"], features["response_times"]), ("on", "off"))

    def test_image_as_documented(self):
        """With the mounts and flags of `docker run`, and a configuration."""
        with contained.serve(self.image, self.settings(), configuration=traffic.CONFIGURATION) as exporter:
            features = exporter.features()
            self.assertEqual({name: features[name] for name in FULL}, dict.fromkeys(FULL, "on"))
            traffic.assert_seen(self, exporter, ({},))

    def test_image_without_capabilities(self):
        with contained.serve(self.image, self.settings(), given=()) as exporter:
            features = exporter.features()
            self.assertEqual((features["socket_walk"], features["tcp_diag"]), ("off", "on"))

    def test_health_check(self):
        with contained.serve(self.image, self.settings()) as exporter:
            self.assertTrue(contained.is_healthy(self.image, self.settings(), exporter.port))
        self.assertFalse(contained.is_healthy(self.image, self.settings(), exporter.port))

    def test_image_is_small(self):
        size = int(run("du", "--summarize", "--bytes", "--one-file-system", self.image).split()[0])
        print(f"image: {size / 1e6:.0f} MB unpacked")
        self.assertLess(size, 250e6)
        self.assertIn("CycloneDX", (self.image / "usr/share/doc/socket-exporter/sbom.cdx.json").read_text())
        for left_out in ("usr/bin/clang", "usr/bin/g++", "usr/sbin/setcap", "src/CMakeLists.txt"):
            self.assertFalse((self.image / left_out).exists(), left_out)

    def test_image_says_what_it_is(self):
        settings = self.settings()
        self.assertEqual((settings["User"], settings["ExposedPorts"]), ("65534:65534", {"10077/tcp": {}}))
        self.assertIn("org.opencontainers.image.title", settings["Labels"])


if __name__ == "__main__":
    harness.main()
