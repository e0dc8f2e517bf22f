"""What the bench has of this machine: a folder, free ports, and programs that end with it."""

import atexit
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CONF = Path(__file__).resolve().parent / "conf"
# Below the ports that Linux gives to connections.
PORTS = range(20_000, 30_000)
PATIENCE = 60.0


class Machine:
    """A folder in the temporary folder that others may enter, since Dovecot and PHP run as users of their own."""

    def __init__(self):
        self.state = Path(tempfile.mkdtemp(prefix="sekisho-bench-"))
        self.state.chmod(0o755)
        self.load = self._build_load()
        self._free = itertools.chain(PORTS)
        self._ports = {}
        self._programs = []
        self.certificate, self.key = self._certificate()
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def _build_load(self):
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "bench"
        manifest = REPOSITORY / "bench/load/Cargo.toml"
        command = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest]
        subprocess.run([*command, "--target-dir", target], check=True)
        return target / "release/load"

    def _certificate(self):
        certificate, key = self.state / "certificate.pem", self.state / "key.pem"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        command = ["openssl", "req", "-x509", *kind, "-subj", "/CN=mail.example.test"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        key.chmod(0o644)  # Good for this measurement on loopback, and for nothing else.
        return certificate, key

    def port(self, name):
        """The port of that name, free when it was asked for first."""
        while name not in self._ports:
            port = next(self._free)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            self._ports[name] = port
        return self._ports[name]

    def render(self, name, to=None, **words):
        """Writes a file of conf/ with its @WORDS@ filled in: the given ones, or ports of that name."""
        text = (CONF / name).read_text()
        words = {"STATE": self.state, "CERTIFICATE": self.certificate, "KEY": self.key, **words}
        text = re.sub("@([A-Z_]+)@", lambda word: str(words.get(word[1]) or self.port(word[1])), text)
        path = Path(to or self.state / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, name, command, port, folder=None):
        """Starts a program that stays in the foreground, and waits until its port answers."""
        program = Program(name, [str(word) for word in command], port, folder or self.state, self.state)
        self._programs.append(program)
        program.start()
        return program

    def measure(self, *words):
        """Runs the load generator once and gives what it found; a failed operation ends the bench."""
        command = [str(word) for word in (self.load, *words)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        found = json.loads(output)
        if found["errors"]:
            sys.exit(f"{' '.join(command)}: {found['errors']:.0f} failed: {found.get('first_error')}")
        return found

    def close(self):
        """Ends all programs and removes the folder."""
        for program in reversed(self._programs):
            program.stop()
        self._programs = []
        shutil.rmtree(self.state, ignore_errors=True)


class Program:
    """A program, with the processes that it starts."""

    def __init__(self, name, command, port, folder, logs):
        self.name, self.command, self.port, self.folder = name, command, port, folder
        self.log = logs / f"{name}.out"
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        said = self.log.read_text(errors="replace")[-2000:]
        sys.exit(f"{self.name} does not answer at port {self.port}; it said:\n{said}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def restart(self):
        """Starts it anew, with nothing in memory that an earlier run left."""
        self.stop()
        time.sleep(0.5)
        self.start()


def install(packages):
    """Installs the Debian packages whose file is missing: {package: file}."""
    missing = [package for package, file in packages.items() if not Path(file).exists()]
    if not missing:
        return
    print("installing", *missing, file=sys.stderr)
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*sudo, "apt-get", "update", "-qq"], **quiet)
    subprocess.run([*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)
