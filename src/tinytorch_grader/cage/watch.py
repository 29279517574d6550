"""The parent's side of a run: hands the job to the examiner, collects its verdicts, and watches the clocks and the
memory.

Threat: a submission runs without end, waits without end, or fills the memory. The parent reads from the examiner
alone, in frames with a bound; the student's process has no way to write to it.
"""
import contextlib
import os
import select
import time
from pathlib import Path

from ..exam.line import Ended, Frames, Refused
from .outcome import BadAnswer, Outcome, told, verdict

TICK = 0.1      # seconds between two looks at the processes
PATIENCE = 4    # wall-clock seconds for a second of CPU time that a submission may use


def tree(root):
    "Process `root` and all its descendants."
    found, parents = [root], None
    # a kernel that keeps no such lists: look at every process
    if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                parents.setdefault(int(Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[1]),
                                   []).append(int(pid))
    for pid in found:
        with contextlib.suppress(OSError):
            if parents is not None: found += parents.get(pid, ())
            else:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def held(pid, file, kinds):
    "KiB of memory of the `kinds` that /proc/PID/`file` tells of; 0 for a process that has ended."
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{file}") as lines:
        return sum(int(l.split()[1]) for l in lines if l.startswith(kinds))
    return 0


def outgrown(pids, most):
    "Whether the processes hold more than `most` MiB, a shared page counted once; files on disk count not at all."
    # shared pages counted for each: quick, mostly enough
    return (sum(held(pid, "status", ("RssAnon", "RssShmem")) for pid in pids) > 1024 * most
            and sum(held(pid, "smaps_rollup", ("Pss_Anon", "Pss_Shmem")) for pid in pids) > 1024 * most)


def cpu_seconds(pids):
    "CPU time of the processes and of their children that have ended."
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def ready(sock, event, seconds):
    "Whether `sock` can `read` or `write` within `seconds`."
    if not hasattr(select, "poll"):   # Windows
        return any(select.select(*[[sock] * (event == name) for name in ("read", "write")], [], seconds))
    poll = select.poll()
    poll.register(sock, select.POLLIN if event == "read" else select.POLLOUT)
    return bool(poll.poll(1000 * seconds))


class Watched:
    """A socket to the examiner whose reads and writes end with the submission's limits: TimeoutError or MemoryError.

    `student`, `examiner`: the first process of each."""

    def __init__(self, sock, student, examiner, limits):
        self.sock, self.student, self.examiner, self.limits = sock, student, examiner, limits
        self.proc = os.path.isdir("/proc/self/task")
        self.deadline, self.look = time.monotonic() + PATIENCE * limits.seconds, time.monotonic() + TICK
        sock.setblocking(False)

    def recv(self, count):
        while True:
            try: return self.sock.recv(count)
            except BlockingIOError: self.wait("read")

    def sendall(self, data):
        while data:
            try: data = data[self.sock.send(data):]
            except BlockingIOError: self.wait("write")

    def wait(self, event):
        while True:
            now = time.monotonic()
            if now >= self.deadline:
                raise TimeoutError(f"stopped after {PATIENCE * self.limits.seconds:g} s, most of them spent waiting")
            if now >= self.look:
                self.look_at()
                self.look = time.monotonic() + TICK
            if ready(self.sock, event, max(0, min(self.deadline, self.look) - now)): return

    def look_at(self):
        """What the student's process and its children use, and the time that the examiner needs for what they send;
        nothing to be seen without Linux's /proc."""
        if not self.proc: return
        pids = tree(self.student)
        if cpu_seconds([*pids, *tree(self.examiner)]) > self.limits.seconds:
            raise TimeoutError(f"stopped after {self.limits.seconds:g} s of computing")
        if outgrown(pids, self.limits.memory_mb): raise MemoryError


def converse(sock, student, examiner, job, limits):
    "Hand `job` to the examiner behind `sock`, collect its verdicts; the Outcome, whatever happens."
    outcome, start, step = Outcome(), time.monotonic(), None
    frames = Frames(Watched(sock, student, examiner, limits))
    try:
        frames.send({"seed": job.seed, "output": limits.output_bytes, "count": len(job.steps)})
        for step in job.steps: frames.send(told(step))
        begin = time.monotonic()
        for step in job.steps:
            message, _ = frames.receive()
            if ended(message, outcome): break
            outcome.verdicts[step.id] = found = verdict(message, step, limits)
            found.seconds, begin = round(time.monotonic() - begin, 3), time.monotonic()
        else:
            step, (message, _) = None, frames.receive()
            outcome.turns, outcome.bytes = int(message["turns"]), int(message["bytes"])
    except TimeoutError as e: outcome.status, outcome.message = "timeout", str(e)
    except MemoryError: outcome.status, outcome.message = "memory", f"used more than {limits.memory_mb} MiB of memory"
    except (Ended, Refused, BadAnswer, KeyError, TypeError, ValueError):
        outcome.status, outcome.message = "crashed", "the examiner's process ended by itself"
    if outcome.status != "graded" and step: outcome.message += f", in cell {step.id}{subject(job, step)}"
    if outcome.status == "graded" and any(v.error and v.error.ename == "MemoryError"
                                          for v in outcome.verdicts.values()):
        outcome.status, outcome.message = "memory", f"asked for more memory than the {limits.memory_mb} MiB it may use"
    outcome.seconds = round(time.monotonic() - start, 3)
    return outcome


def ended(message, outcome):
    "Whether the examiner says that the student's process is gone, or what it sent; written into `outcome`."
    if "refused" in message:
        outcome.status, outcome.message = ("tampered",
                                           "its process sent what no student's process sends "
                                           f"({message['refused'][:100]})")
    elif "ended" in message: outcome.status, outcome.message = "crashed", "the Python process ended by itself"
    return outcome.status != "graded"


def subject(job, step):
    "The words that name the solution cell which the test `step` is about; none for another cell."
    if step.role not in ("test", "beside"): return ""
    before = [other.id for other in job.steps[:job.steps.index(step)] if other.role == "solution"]
    named = [name for name in before if step.id.startswith(f"{name}-")]
    return f", which calls {(named or before)[-1]}" if before else ""
