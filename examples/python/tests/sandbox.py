"""The sandbox gateway as a process, on loopback and in a directory for the occasion. Nothing of it outlives the
test."""

import collections
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

LIMIT = 120  # seconds, for what takes a few

CREDENTIALS = {"ITNIO_API_KEY": "bDqJFiq9", "ITNIO_API_SECRET": "7bz1lzh9"}

_libc = ctypes.CDLL(None)


def _die_with_parent():
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGTERM)


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited without success: {what}")
        time.sleep(0.02)


class Process:
    """A process with a directory and a log of its own."""

    def __init__(self, command, environment=None, files=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="itnio-"))
        for name, text in (files or {}).items():
            (self.directory / name).write_text(text, errors="surrogateescape")
        self.log = self.directory / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word).replace("DIRECTORY", str(self.directory)) for word in command],
                cwd=self.directory, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=_die_with_parent)

    def logged(self):
        return self.log.read_text(errors="replace")

    def has(self, line):
        """Whether it has logged this; an error if it has ended without."""
        if line not in self.logged():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}:\n{self.logged()}")
            return False
        return True

    def children(self):
        pid = self.process.pid
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self):
        """Ends it and all of its children; more than once, too. Gives its log."""
        if not self.directory.exists():
            return ""
        children = self.children() if self.process.poll() is None else []
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            wait_until(lambda: not any(_alive(child) for child in children), "the end of all children")
        finally:
            for child in filter(_alive, children):
                os.kill(child, signal.SIGKILL)
        text = self.logged()
        shutil.rmtree(self.directory)
        return text


def _alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Gateway(Process):
    """The sandbox, with these options. Each line of its diary is a request that was delivered."""

    def __init__(self, *options):
        super().__init__([os.environ["ITNIO_GATEWAY"], "--port", "0", "--ca-file", "DIRECTORY/ca.pem", *options])
        wait_until(lambda: self.has("ready\n"), "the gateway")
        self.base_url = re.search("^base_url=(.*)$", self.logged(), re.M).group(1)
        self.ca_file = str(self.directory / "ca.pem")

    def environment(self):
        return {**CREDENTIALS, "ITNIO_BASE_URL": self.base_url, "ITNIO_CA_FILE": self.ca_file}

    def diary(self):
        """Ends the gateway, and says how often each callee was delivered to it."""
        return collections.Counter(re.findall(r"^\S+Z (\d+) ", self.stop(), re.M))
