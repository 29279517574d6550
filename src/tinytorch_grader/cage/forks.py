"""A submission's two processes as forks of two warm servers (exam/forks.py), held by a leash each.

Threat: a process that outlives its run, or a server that never answers.
"""
import contextlib
import json
import socket
import struct
import subprocess
import tempfile
import threading

from .outcome import Outcome
from .watch import converse

SILENCE = 60   # seconds after which a server that has said nothing is an error


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


class Server:
    """The process that forks for a role; `command`: its command line, in the environment `env` and the folder `cwd`."""

    def __init__(self, role, command, env, cwd):
        self.role, self.command, self.env, self.cwd = role, command, env, cwd
        self.lock, self.process = threading.Lock(), None

    def missing(self, why):
        "The error to raise where it did not start."
        return RuntimeError(f"the {self.role}'s Python did not start ({why})")

    def start(self):
        "Start it, and let it warm up while others start."
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = tempfile.TemporaryFile()   # no pipe: what a process inside keeps open must not be waited for
        with theirs:
            self.process = subprocess.Popen(self.command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=self.said,
                                            env=self.env, cwd=self.cwd, start_new_session=True)

    def ready(self):
        "Wait until it is warm; an error when it ends or says nothing."
        self.control.settimeout(SILENCE)
        try: ready, silent = self.control.recv(16) == b"ready", False
        except OSError: ready, silent = False, True
        if not ready:
            self.process.kill()
            self.process.wait()
            self.said.seek(0)
            why = self.said.read(100_000).decode("utf-8", "replace").strip().splitlines()
            word = why[-1] if why else f"no word from it in {SILENCE} s" if silent else "no word from it"
            raise self.missing(word)

    def fork(self, told, sockets):
        "Have a submission served over `sockets`, with what it is to be told; its leash comes first."
        with self.lock:
            if self.process.poll() is not None:
                self.start()
                self.ready()
            socket.send_fds(self.control, [json.dumps(told).encode()], [sock.fileno() for sock in sockets])

    def stop(self):
        if not self.process: return
        self.control.close()   # at which it ends by itself
        try: self.process.wait(5)
        except subprocess.TimeoutExpired: self.process.kill()
        self.process.wait()
        self.said.close()


def run(servers, told, job, limits):
    "The Outcome of `job` in a fork of each of the two servers; when it returns, no process of the job is left."
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(sock) for sock in socket.socketpair())
        one, other = (stack.enter_context(sock) for sock in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        leashes = [Leash(), Leash()]
        for leash in leashes: stack.callback(leash.release)
        student, examiner = servers
        student.fork(told, [leashes[0].theirs, one])
        examiner.fork(told, [leashes[1].theirs, other, theirs])
        for sock in (one, other, theirs): sock.close()
        pids = [leash.pid() for leash in leashes]
        if 0 in pids: return Outcome("crashed", message="its processes could not be started")
        return converse(ours, *pids, job, limits)
