"""A warm Python: what submissions import, imported; one fork a submission, one such server for the students' side and
one for the examiners'. Linux alone.

In a cage server.py starts it; outside of one `python -m exam.forks ROLE [PACKAGE ...]`, the packages being those that
are to be warm too.
"""
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import platform
import random
import select
import signal
import socket
import sys
import tempfile

from .start import begin, trusted


def modules(package):
    "The names of a package's modules; none where it cannot be imported, which a submission is told as it imports it."
    with contextlib.suppress(Exception, SystemExit):
        path = getattr(importlib.import_module(package), "__path__", [])
        return [found.name for found in pkgutil.walk_packages(path, f"{package}.", lambda _: None)]
    return []


def warm(role, packages):
    "Import what submissions import and compile the trusted cells, so that no submission pays for it."
    cells = trusted()
    if role == "student":
        from . import student
        names = ["IPython", "IPython.display", "IPython.core.inputtransformer2", "inspect", "tracemalloc",
                 "unittest.mock", "copy", "zipfile"]
        for package in packages: names += modules(package)
        for name, source in cells["given"].items(): student.compiled(name, source)
    else:
        from . import examiner
        names = ["datetime", "contextlib", "ctypes", "reprlib", "inspect", "tempfile"]
        for name, source in cells["given"].items(): examiner.imports(name, source)
        for name, source in (cells["test"] | {examiner.VOCABULARY: cells["vocabulary"]}).items():
            examiner.compiled(name, source)
    for name in ["numpy", "numpy.ma", "numpy.random", *names]:
        # optional here as it is for students, and a TinyTorch of one's own may not even parse
        with contextlib.suppress(Exception, SystemExit): importlib.import_module(name)
    if role == "student":
        platform.platform()   # it asks another process, once
        student.CLOCK = student.Clock().install()
    os.environ.pop("PYTHONPATH", None)
    gc.collect()
    gc.freeze()


def reap(child, leash):
    "Collect the dead, until `child` ends or the parent lets go of the leash."
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wake, signal_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(signal_end)
    while True:
        select.select([leash, wake], [], [])
        try:
            if not leash.recv(1, socket.MSG_DONTWAIT): return
        except BlockingIOError: os.read(wake, 4096)
        while True:
            try: pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError: return
            if pid == child: return
            if pid == 0: break


def kept(sockets):
    "`sockets` as descriptors from 3 on, and nothing else open but /dev/null as 0, 1 and 2."
    null = os.open("/dev/null", os.O_RDWR)
    high = [fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 32) for sock in sockets]
    for fd in (0, 1, 2): os.dup2(null, fd)   # null may be 0 itself
    for sock in sockets: sock.detach()
    os.closerange(3, 32)
    for fd, source in enumerate(high, 3): os.dup2(source, fd, inheritable=False)
    os.closerange(32, 400)
    return [socket.socket(fileno=fd) for fd in range(3, 3 + len(high))]


def reseed():
    "Let chance in this fork be its own."
    random.seed()
    sys.modules["numpy"].random.seed()


def forks(role, submission):
    "Call `submission(role, what it is told, *sockets)` in a fork for each message that comes to the socket on stdin."
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.send(b"ready")
    while True:
        message, fds, _, _ = socket.recv_fds(control, 4096, 3)
        if not message: return
        if os.fork() == 0:
            try:
                control.close()
                os.close(0)
                submission(role, json.loads(message), *(socket.socket(fileno=fd) for fd in fds))
            finally: os._exit(0)
        for fd in fds: os.close(fd)


def submission(role, told, leash, *sockets):
    "In a fresh fork, outside of a cage: serve one submission in the folder that it is told, kill its process group."
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        for sock in sockets: sock.close()
        reap(child, leash)
        with contextlib.suppress(OSError): os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError): os.waitpid(child, 0)
        return
    os.setsid()
    leash.send(b"1")
    leash.close()
    os.chdir(told["folder"])
    os.environ.update(HOME=told["folder"], TMPDIR=told["folder"])
    tempfile.tempdir = None
    sockets = kept(sockets)
    reseed()
    begin(role, *sockets)


if __name__ == "__main__":
    warm(sys.argv[1], sys.argv[2:])
    forks(sys.argv[1], submission)
