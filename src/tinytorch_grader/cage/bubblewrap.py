"""The cages: two bubblewraps, one for the students' processes and one for the examiners', each with a fork server in
it.

Threat: the code of a submission tries to read, outlive or outgrow its run. It sees no network and no file but an
interpreter, its packages and the framework; tests lie in the examiners' cage alone. Each submission has namespaces
of its own in both (server.py), and the two meet on one socket pair, the line.
"""
import contextlib
import glob
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

from .bare import framework, pair, stage
from .outcome import Limits, Outcome
from .watch import converse

SILENCE = 60   # seconds after which a cage that has said nothing is an error


class CageMissing(RuntimeError):
    "There is no bubblewrap here, or it cannot start; the message says what to do."


NOBODY = 65534   # who runs the cages when the grader is root
ENV = {"PATH": "/python/bin:/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/python/lib", "HOME": "/tmp",
       "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "student", "LOGNAME": "student", "PYTHONHASHSEED": "0",
       "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
       "MKL_NUM_THREADS": "1"}


def bindings(folder, role):
    """What the cage of a role sees of this machine: {path inside: path outside}, the path of its Python, and what is
    hidden in these paths."""
    seen = {d: d for d in ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo",
                           "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")}
    base = Path(sys.base_prefix).resolve()
    python = Path(os.path.realpath(sys.executable)).relative_to(base)
    home = Path("/python")
    if base in (Path("/usr"), Path("/usr/local")):
        home, seen[f"{base}/bin"] = base, f"{base}/bin"
    else: seen |= {f"/python/{d}": f"{base}/{d}" for d in ("bin", "lib")}
    seen = {inside: outside for inside, outside in seen.items() if os.path.exists(outside)}
    packages = [p for p in dict.fromkeys(sys.path) if p.endswith(("site-packages", "dist-packages"))
                and os.path.isdir(p)]
    seen |= {f"/packages/{i}": p for i, p in enumerate(packages)}
    hidden = []   # an installed copy of this course, and the editable installs that name its checkout
    for inside, outside in seen.items():
        for pattern in ("", "python3*/site-packages/", "python3*/dist-packages/", "python3/dist-packages/"):
            hidden += [(inside + path[len(outside):], os.path.isdir(path))
                       for path in glob.glob(f"{outside}/{pattern}*tinytorch*")]
    seen["/grader"] = str(folder / role)
    if role == "student": seen["/framework"] = str(folder / "framework")
    return seen, str(home / python), [f"/packages/{i}" for i in range(len(packages))], dict.fromkeys(hidden)


def covered(hidden):
    "The words that hide files and folders of the paths that a cage sees."
    return [word for path, is_folder in hidden
            for word in (["--tmpfs", path, "--remount-ro", path] if is_folder else ["--ro-bind", "/dev/null", path])]


def command(folder, role):
    """The command line that starts server.py in the cage of a role; as root, through a first bubblewrap that binds
    what only root may open."""
    seen, python, packages, hidden = bindings(folder, role)
    lines = []
    if os.geteuid() == 0:
        lines += ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--size", "1048576", "--tmpfs", "/mnt"]
        for i, (inside, outside) in enumerate(seen.items()):
            lines += ["--ro-bind", outside, f"/mnt/{i}"]
            seen[inside] = f"/mnt/{i}"
        lines += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all",
                  "--no-new-privs"]
    lines += ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000",
              "--hostname", "cage"]
    for inside, outside in seen.items(): lines += ["--ro-bind", outside, inside]
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(link): lines += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link): lines += ["--ro-bind", link, link]
    lines += covered(hidden)
    lines += ["--proc", "/proc", "--size", "1048576", "--tmpfs", "/dev"]
    for name in ("null", "zero", "full", "random", "urandom"): lines += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name in ("cpuinfo", "meminfo"): lines += ["--ro-bind", f"/proc/{name}", f"/hardware/{name}"]
    lines += ["--dir", "/dev/shm", "--remount-ro", "/dev", "--size", str(64 * 2**20), "--tmpfs", "/tmp", "--remount-ro",
              "/", "--clearenv"]
    for name, value in (ENV | {
            "PYTHONPATH": ":".join(["/grader", *["/framework"] * (role == "student"), *packages])}).items():
        lines += ["--setenv", name, value]
    return lines + ["--chdir", "/tmp", python, "-S", "/grader/server.py", role]


class Server:
    """The cage of a role, with its fork server.

    Start it on the main thread: bubblewrap ends with the thread that started it."""

    def __init__(self, folder, role):
        self.folder, self.role, self.lock, self.process = folder, role, threading.Lock(), None

    def start(self):
        "Start the cage, and let it warm up while others start."
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = tempfile.TemporaryFile()   # no pipe: what a process inside keeps open must not be waited for
        with theirs:
            self.process = subprocess.Popen(command(self.folder, self.role), stdin=theirs, stdout=subprocess.DEVNULL,
                                            stderr=self.said, env={"PATH": os.environ.get("PATH", os.defpath)}, cwd="/")

    def ready(self):
        "Wait until the server is warm; CageMissing when it ends or says nothing."
        self.control.settimeout(SILENCE)
        try: ready, silent = self.control.recv(16) == b"ready", False
        except OSError: ready, silent = False, True
        if not ready:
            self.process.kill()
            self.process.wait()
            self.said.seek(0)
            why = self.said.read(100_000).decode("utf-8", "replace").strip().splitlines()
            word = why[-1] if why else f"no word from it in {SILENCE} s" if silent else "no word from it"
            raise CageMissing(f"no sandbox: the cage did not start ({word}); see whether `bwrap --ro-bind / / "
                              "--unshare-all true` works here")

    def fork(self, limits, sockets):
        "Have a submission served over `sockets`; its leash comes first."
        with self.lock:
            if self.process.poll() is not None:
                self.start()
                self.ready()
            socket.send_fds(self.control, [json.dumps(asdict(limits)).encode()], [sock.fileno() for sock in sockets])

    def stop(self):
        if not self.process: return
        self.control.close()   # at which the cage ends by itself
        try: self.process.wait(5)
        except subprocess.TimeoutExpired: self.process.kill()
        self.process.wait()
        self.said.close()


class Leash:
    "Holds the processes of a submission in one cage: they end when it is let go."

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.ours.settimeout(30)

    def pid(self):
        "The first process of the submission, 0 where the cage could not be built."
        self.theirs.close()
        _, about, _, _ = self.ours.recvmsg(1, socket.CMSG_SPACE(12))
        return struct.unpack("3i", about[0][2])[0] if about else 0

    def release(self):
        "Let go, and wait until the last process has gone."
        with self.ours, contextlib.suppress(OSError):
            self.theirs.close()
            self.ours.shutdown(socket.SHUT_WR)
            while self.ours.recv(1): pass


class Cages:
    """Runs each job in two one-use cages behind bubblewrap, `workers` at a time as threads ask; CageMissing where
    that cannot be.

    Enter it on the main thread."""

    def __init__(self, trusted, limits=Limits(), workers=1):
        self.trusted, self.limits, self.workers = trusted, limits, workers

    def __enter__(self):
        for tool in ("bwrap", "setpriv")[:1 + (os.geteuid() == 0)]:
            if not shutil.which(tool): raise CageMissing(
                "no sandbox: bubblewrap is not installed here; run `make system` or `sudo apt-get install bubblewrap`, "
                "or grade code that you trust with --no-sandbox")
        package = framework()
        self._folder = tempfile.TemporaryDirectory(prefix="capstone-")
        folder = Path(self._folder.name)
        self.servers = [Server(folder, "student"), Server(folder, "examiner")]
        try:
            stage(folder, package, self.trusted, [Path(__file__).with_name("server.py")])
            for server in self.servers: server.start()
            for server in self.servers: server.ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers: server.stop()
        self._folder.cleanup()

    def run(self, job):
        "The Outcome of `job`; when it returns, no process of the job is left."
        with contextlib.ExitStack() as stack:
            ours, theirs = (stack.enter_context(sock) for sock in socket.socketpair())
            one, other = (stack.enter_context(sock) for sock in pair())
            leashes = [Leash(), Leash()]
            for leash in leashes: stack.callback(leash.release)
            student, examiner = self.servers
            student.fork(self.limits, [leashes[0].theirs, one])
            examiner.fork(self.limits, [leashes[1].theirs, other, theirs])
            for sock in (one, other, theirs): sock.close()
            pids = [leash.pid() for leash in leashes]
            if 0 in pids: return Outcome("crashed", message="the cage could not be built")
            return converse(ours, pids[0], job, self.limits)
