"""A real control plane on loopback: etcd, API server, controllers and scheduler, and KWOK for nodes and pods.

scripts/cluster build                       build its program, once
scripts/cluster up DIRECTORY [--gpus N]     start it; DIRECTORY/kubeconfig reaches it, DIRECTORY/bin has kubectl
scripts/cluster down DIRECTORY              stop it
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from e2e.cluster import building, certificates

HERE = Path(__file__).resolve().parent
PATIENCE = 180.0
"""Seconds for the whole plane to come up; a shared machine may be slow."""
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
_DEATH = 1
"""PR_SET_PDEATHSIG: Linux ends a component whose keeper is gone, however it went."""


class Plane:
    """One control plane in one directory; its components die with the process that started them."""

    def __init__(self, directory: Path, programs: Path) -> None:
        self.directory, self.programs = directory.resolve(), programs
        self.kubeconfig = self.directory / "kubeconfig"
        self.kubectl = programs / "kubectl"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.store, self.peer, self.port = _free_ports(3)

    def start(self) -> Plane:
        """Start everything and wait until the API server serves and pods can be scheduled."""
        certificates.write_all(self.directory / "keys")
        self.kubeconfig.write_text(json.dumps(self._kubeconfig()))
        self.kubeconfig.chmod(0o600)
        try:
            for name in COMPONENTS[:2]:
                self.launch(name)
            self.wait_served()
            for name in COMPONENTS[2:]:
                self.launch(name)
            self._wait(lambda: self.ask("get", "serviceaccount", "default").returncode == 0, "the controllers")
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self, name: str) -> None:
        """Start one component; its output goes to a file beside the others."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(self.programs / name), *self._arguments(name)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.directory)},
                start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """End one component at once."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End everything at once: nothing of it is worth keeping."""
        for name in list(self.processes):
            self.kill(name)

    def ask(self, *words: str, data: Any = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl on this plane."""
        return subprocess.run(
            [str(self.kubectl), "--kubeconfig", str(self.kubeconfig), *words],
            input=None if data is None else json.dumps(data), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def get(self, *words: str) -> Any:
        """Return what kubectl gets, as JSON."""
        done = self.ask("get", *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_served(self) -> None:
        """Wait until the API server says that it is ready."""
        context = ssl.create_default_context(cafile=str(self.directory / "keys/ca.crt"))

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"https://127.0.0.1:{self.port}/readyz", context=context, timeout=2):
                    return True
            except (urllib.error.URLError, OSError):
                return False

        self._wait(ready, "the API server")

    def add_node(self, name: str, gpus: int = 0) -> None:
        """Add a node with room for 50 pods and some GPUs."""
        room = {"cpu": "64", "memory": "512Gi", "pods": "50", "ephemeral-storage": "1Ti", "nvidia.com/gpu": str(gpus)}
        told = {"hostname": name, "os": "linux", "arch": "amd64"}
        node = {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {f"kubernetes.io/{key}": value for key, value in told.items()}},
            "status": {"capacity": room, "allocatable": room},
        }  # fmt: skip
        done = self.ask("create", "-f", "-", data=node)
        assert done.returncode == 0, done.stderr

    def _wait(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                told = ", ".join(dead) or what
                last = (self.directory / f"{dead[0]}.log").read_text()[-2000:] if dead else ""
                raise RuntimeError(f"{told} did not come up; logs are in {self.directory}\n{last}")
            time.sleep(0.2)

    def _arguments(self, name: str) -> Sequence[str]:
        keys, here = self.directory / "keys", "127.0.0.1"
        client, store, peer = (
            f"--kubeconfig={self.kubeconfig}",
            f"http://{here}:{self.store}",
            f"http://{here}:{self.peer}",
        )
        return {
            "etcd": [
                f"--data-dir={self.directory / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={store}", f"--advertise-client-urls={store}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
            "kube-apiserver": [
                f"--etcd-servers={store}", f"--bind-address={here}", f"--secure-port={self.port}",
                "--endpoint-reconciler-type=none", "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.0.0.0/16",
                f"--client-ca-file={keys / 'ca.crt'}", f"--tls-cert-file={keys / 'server.crt'}",
                f"--tls-private-key-file={keys / 'server.key'}", f"--service-account-key-file={keys / 'accounts.pub'}",
                f"--service-account-signing-key-file={keys / 'accounts.key'}",
                f"--service-account-issuer=https://{here}:{self.port}", f"--cert-dir={keys}",
            ],
            "kube-controller-manager": [
                client, "--leader-elect=false", "--secure-port=0", f"--root-ca-file={keys / 'ca.crt'}",
                f"--service-account-private-key-file={keys / 'accounts.key'}",
            ],
            "kube-scheduler": [client, "--leader-elect=false", "--secure-port=0"],
            "kwok": [
                client, f"--config={HERE / 'stages.yaml'}", "--manage-all-nodes=true",
                "--node-lease-duration-seconds=40",
            ],
        }[name]  # fmt: skip

    def _kubeconfig(self) -> Any:
        keys = self.directory / "keys"
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "sluice-test",
            "clusters": [{"name": "sluice-test", "cluster": {
                "server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(keys / "ca.crt")}}],
            "users": [{"name": "admin", "user": {
                "client-certificate": str(keys / "admin.crt"), "client-key": str(keys / "admin.key")}}],
            "contexts": [{"name": "sluice-test", "context": {"cluster": "sluice-test", "user": "admin"}}],
        }  # fmt: skip


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def up(directory: Path, gpus: int) -> None:
    """Start a plane that stays: a keeper in the background holds its components."""
    if (directory / "keeper").is_file():
        raise SystemExit(f"cluster: {directory} holds a cluster already; scripts/cluster down {directory} stops it")
    programs = building.build()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "e2e.cluster.plane", "keep", str(directory.resolve()), "--gpus", str(gpus)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=HERE.parents[1],
        )  # fmt: skip
    while not (directory / "keeper").is_file():
        if keeper.poll() is not None:
            raise SystemExit("cluster: it did not come up\n" + (directory / "keeper.log").read_text()[-3000:])
        time.sleep(0.2)
    (directory / "bin").mkdir(exist_ok=True)
    (directory / "bin/kubectl").unlink(missing_ok=True)
    (directory / "bin/kubectl").symlink_to(programs / "kubectl")
    sys.stdout.write(f"export KUBECONFIG={directory.resolve()}/kubeconfig PATH={directory.resolve()}/bin:$PATH\n")


def keep(directory: Path, gpus: int) -> None:
    """Hold a plane until asked to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    plane = Plane(directory, building.build())
    try:
        plane.start().add_node("node-0", gpus)
        (directory / "keeper").write_text(str(os.getpid()))
        while True:
            signal.pause()
    finally:
        plane.stop()
        (directory / "keeper").unlink(missing_ok=True)


def down(directory: Path) -> None:
    """Stop a plane, and remove what it left; nothing to stop is no error."""
    number = directory / "keeper"
    if number.is_file():
        keeper = int(number.read_text())
        if _runs(keeper):
            os.kill(keeper, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _runs(keeper):
            if time.monotonic() > deadline:
                raise SystemExit(f"cluster: process {keeper} does not stop")
            time.sleep(0.1)
        number.unlink(missing_ok=True)
    for name in ("etcd", "keys", "bin", "kubeconfig"):
        place = directory / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)


def _runs(number: int) -> bool:
    """Whether a process runs; one that is dead and that nobody asked after does not."""
    told = Path(f"/proc/{number}/stat")
    try:
        os.kill(number, 0)
        return not told.parent.parent.is_dir() or not re.search(r"\) [ZX] ", told.read_text())
    except (ProcessLookupError, FileNotFoundError):
        return False


def main() -> None:
    """Carry out one command."""
    parser = argparse.ArgumentParser(
        prog="scripts/cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "keep", "down"):
        command = commands.add_parser(name)
        command.add_argument("directory", type=Path)
        command.add_argument("--gpus", type=int, default=0) if name != "down" else None
    words = parser.parse_args()
    if words.command == "down":
        down(words.directory)
    else:
        (up if words.command == "up" else keep)(words.directory, words.gpus)


if __name__ == "__main__":
    main()
