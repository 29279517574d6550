"""Runs a submission's two processes without a cage: for one's own code (`capstone check`), and for graders who trust
it (`--no-sandbox`).

The same two processes, line and verdicts as in the cages, and so the same grade. On Linux they are forks of two warm
servers, as there; elsewhere the two are started, meet on a port of this machine, and pipes carry the verdicts.
"""
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from .forks import Server, run
from .outcome import Limits
from .watch import converse

FILES = "files"   # in the folder of each process: what lies beside the notebook
EXAM = Path(__file__).parents[1] / "exam"
SHARED = ("__init__.py", "line.py", "start.py", "forks.py")
OURS = {"student": (*SHARED, "student.py", "cells.py"), "examiner": (*SHARED, "examiner.py")}


class FrameworkMissing(RuntimeError):
    "There is no tinytorch package for submissions to run on; the message says what to do."


def framework(beside=None):
    """The folder of the tinytorch package that submissions meet: that of TINYTORCH_PATH, else one in `beside`, else
    the installed one."""
    own = os.environ.get("TINYTORCH_PATH")
    folder = own or beside
    if folder and Path(folder, "tinytorch", "__init__.py").is_file(): return Path(folder, "tinytorch")
    if own:
        raise FrameworkMissing(f"TINYTORCH_PATH={own}: holds no tinytorch package; expected the folder in which your "
                               "tinytorch folder lies")
    if found := importlib.util.find_spec("tinytorch"): return Path(found.submodule_search_locations[0])
    raise FrameworkMissing("no tinytorch package here; run the command in the folder of your notebook, or set "
                           "TINYTORCH_PATH")


def stage(folder, package, trusted, more=()):
    """Put what the two processes read into `folder`: student/ and examiner/ with their code, framework/ without
    `olympics` in any form.

    The tests go to examiner/ alone, and so do files beside the notebook that students were not given. `more`: files
    of this package for both."""
    for role, names in OURS.items():
        place = folder / role / "exam"
        place.mkdir(parents=True)
        for name in names: shutil.copy(EXAM / name, place / name)
        for path in more: shutil.copy(path, folder / role / path.name)
        for name, beside in trusted.files.items():
            if role == "student" and not beside.released: continue
            place = folder / role / FILES / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(beside.data)
    steps = {"given": trusted.sources("given")}
    (folder / "student" / "cells.json").write_text(json.dumps(steps), encoding="utf-8")
    steps |= {"test": trusted.sources("test", "tools"), "vocabulary": trusted.vocabulary}
    (folder / "examiner" / "cells.json").write_text(json.dumps(steps), encoding="utf-8")
    shutil.copytree(package, folder / "framework" / "tinytorch",
                    ignore=shutil.ignore_patterns("olympics*", "__pycache__"))
    if os.environ.get("TINYTORCH_PATH"): (folder / "framework" / "own").touch()  # its lines are shown in errors
    for path in (folder, *folder.rglob("*")): path.chmod(0o755 if path.is_dir() else 0o644)


def pump(read, write, end):
    "Copy what `read()` gives to `write(data)` until one of them ends, then `end()`."
    with contextlib.suppress(OSError, ValueError):
        while data := read(): write(data)
    with contextlib.suppress(OSError, ValueError): end()


class Bare:
    """Runs each job in two plain processes, under a clock.

    `beside`: a folder whose tinytorch package goes before the installed one."""
    relay = sys.platform != "linux"

    def __init__(self, trusted, limits=Limits(), workers=1, beside=None):
        self.trusted, self.limits, self.beside = trusted, limits, beside

    def __enter__(self):
        package = framework(self.beside)
        self._folder = tempfile.TemporaryDirectory(prefix="capstone-")
        self.folder, self.servers = Path(self._folder.name), []
        stage(self.folder, package, self.trusted)
        if not self.relay:
            self.servers = [Server(role, [*self.command("forks", role), *self.packages()], self.env(role, self.folder),
                                   self.folder) for role in OURS]
        for server in self.servers: server.start()
        try:
            for server in self.servers: server.ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers: server.stop()
        self._folder.cleanup()

    def packages(self):
        "The packages to import beforehand: of those that the trusted cells name, a TinyTorch that is ours."
        text = (self.folder / "student" / "cells.json").read_text(encoding="utf-8")
        return [name for name in ("matplotlib.pyplot", "tinytorch") if name.partition(".")[0] in text
                and (name != "tinytorch" or framework(self.beside) == framework())]

    @staticmethod
    def command(module, *words): return [sys.executable, "-P", "-m", f"exam.{module}", *words]

    def env(self, role, cwd):
        return {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ} | {
            "PATH": os.environ.get("PATH", os.defpath), "MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0", "HOME": str(cwd),
            "TMPDIR": str(cwd),
            "PYTHONPATH": os.pathsep.join([str(self.folder / role),
                                           str(self.folder / "framework")][:1 + (role == "student")])}

    def run(self, job):
        "The Outcome of `job`; its processes are killed with their process groups."
        with contextlib.ExitStack() as stack:
            cwd = stack.enter_context(tempfile.TemporaryDirectory(prefix="capstone-run-", ignore_cleanup_errors=True))
            if self.trusted.files: shutil.copytree(self.folder / "examiner" / FILES, cwd, dirs_exist_ok=True)
            if not self.relay: return run(self.servers, {"folder": cwd}, job, self.limits)
            return converse(*self.relayed(stack, cwd), job, self.limits)

    def start(self, role, cwd, *words, **more):
        return subprocess.Popen(self.command("start", role, *words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                cwd=cwd, env=self.env(role, cwd), start_new_session=True, **more)

    def relayed(self, stack, cwd):
        """(our socket to the examiner, the pids of the student's process and of the examiner's) where nothing forks:
        the student's process listens on a port, pipes carry the verdicts."""
        ours, theirs = (stack.enter_context(sock) for sock in socket.socketpair())
        student = self.start("student", cwd, stdin=subprocess.DEVNULL)
        stack.callback(end, student)
        port, word = student.stdout.readline().decode().split()
        examiner = self.start("examiner", cwd, port, word, stdin=subprocess.PIPE, bufsize=0)
        stack.callback(end, examiner)
        for args in ((lambda: theirs.recv(2**16), examiner.stdin.write, examiner.stdin.close),
                     (lambda: examiner.stdout.read(2**16), theirs.sendall, lambda: theirs.shutdown(socket.SHUT_WR))):
            threading.Thread(target=pump, args=args, daemon=True).start()
        return ours, student.pid, examiner.pid


def end(process):
    "Kill a process with its group."
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"): os.killpg(process.pid, signal.SIGKILL)
        else: process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe: pipe.close()
