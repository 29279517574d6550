"""Run one job (a stranger's cells) in a process of its own, with a clock and limits.

Threat: the code of a submission tries to outlive, outgrow or forge its run. Here the parent hands out one step at a time over a
socket and accepts for it one answer that repeats the step's nonce; everything else on the socket is `tampered`.
"""
import contextlib, importlib.util, json, os, secrets, select, shutil, signal, socket, subprocess, sys, tempfile, time
from dataclasses import dataclass, field
from pathlib import Path

KEPT_OUTPUT = 16 * 2**20   # bytes of result lines of one submission that keep their outputs
TICK = 0.1                 # seconds between two looks at the memory of the process tree


@dataclass(frozen=True)
class Limits:
    "What one submission may use: wall-clock seconds, MiB of memory, processes, MiB a file, bytes of output a cell."
    seconds: float = 120
    memory_mb: int = 2048
    processes: int = 64
    file_mb: int = 64
    output_bytes: int = 2**20


@dataclass
class Outcome:
    "How a run ended: status graded, timeout, memory, crashed or tampered; the answers to its steps by id; a sentence; seconds."
    status: str = "graded"
    steps: dict = field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0


class CageMissing(RuntimeError):
    "There is no bubblewrap here, or it cannot start; the message says what to do."


class BadAnswer(ValueError):
    "The other end wrote something that the runner never writes."


def plain(text, most):
    "`text` as a str that UTF-8 and a database can hold, `most` characters at most; BadAnswer for anything but a str."
    if type(text) is not str: raise BadAnswer("text expected")
    return text[:most].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def output(o, most):
    "One notebook output, rebuilt from what the cage wrote about it; None for an unknown kind."
    kind = o["output_type"]
    if kind == "stream":
        name = o["name"] if o["name"] in ("stdout", "stderr") else "stdout"
        return {"output_type": kind, "name": name, "text": plain(o["text"], most)}
    if kind == "error":
        return {"output_type": kind, "ename": plain(o["ename"], 200), "evalue": plain(o["evalue"], most),
                "traceback": [plain(line, most) for line in o["traceback"][:100]]}
    if kind in ("display_data", "execute_result"):
        out = {"output_type": kind, "metadata": {},
               "data": {plain(mime, 100): plain(text, 4 * most) for mime, text in list(o["data"].items())[:10]}}
        return out | ({"execution_count": None} if kind == "execute_result" else {})
    return None


def answer(line, step, limits):
    "The message in `line` that answers `step`, rebuilt from plain types; BadAnswer when it is no such answer."
    try:
        m = json.loads(line)
        if m["id"] != step["id"] or m["nonce"] != step["nonce"] or type(m["ok"]) is not bool:
            raise BadAnswer("not the awaited step")
        error = m.get("error")
        if error is not None:
            error = {"ename": plain(error["ename"], 200), "message": plain(error["message"], 4000),
                     "line": error["line"] if type(error["line"]) is int else None}
        outputs = [output(o, limits.output_bytes) for o in m.get("outputs", [])[:1000]]
        return {"id": step["id"], "ok": m["ok"] and error is None, "error": error, "outputs": [o for o in outputs if o]}
    except BadAnswer:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise BadAnswer(type(e).__name__) from None


def resident(root):
    "MiB of private and shared memory held by process `root` and all its descendants (what files back is not counted)."
    children, size = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError):
            about = dict(line.split(":", 1) for line in Path("/proc", pid, "status").read_text().splitlines())
            children.setdefault(int(about["PPid"]), []).append(int(pid))
            size[int(pid)] = sum(int(about.get(k, "0").split()[0]) for k in ("RssAnon", "RssShmem"))
    todo, total = [root], 0
    while todo:
        pid = todo.pop()
        total += size.get(pid, 0)
        todo += children.get(pid, [])
    return total / 1024


class Line:
    "Lines over a socket to process `pid`, under the clock and the memory limit of one submission."

    def __init__(self, sock, pid, limits):
        self.sock, self.pid, self.limits = sock, pid, limits
        self.deadline, self.look, self.buffer = time.monotonic() + limits.seconds, time.monotonic() + TICK, bytearray()
        sock.setblocking(False)

    def _wait(self, event):
        "Wait until the socket is ready for `event`; TimeoutError and MemoryError are the submission's ends."
        poll = select.poll()
        poll.register(self.sock, event)
        while True:
            now = time.monotonic()
            if now >= self.deadline: raise TimeoutError
            if now >= self.look:
                if resident(self.pid) > self.limits.memory_mb: raise MemoryError
                self.look = time.monotonic() + TICK
            if poll.poll(1000 * max(0, min(self.deadline, self.look) - now)): return

    def write(self, message):
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            try: data = data[self.sock.send(data):]
            except BlockingIOError: self._wait(select.POLLOUT)

    def read(self):
        "The next line as bytes; ConnectionError at the end, BadAnswer for a line without end."
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            if searched > 8 * self.limits.output_bytes + 2**20: raise BadAnswer("a result line without end")
            self._wait(select.POLLIN)
            try: data = self.sock.recv(2**18)
            except BlockingIOError: continue
            if not data: raise ConnectionResetError("the process ended")
            self.buffer += data
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 1]
        return line


def converse(sock, pid, job, limits):
    "Hand the steps of `job` one by one to the runner behind `sock`, collect its answers; the Outcome, whatever happens."
    outcome, kept, start, step = Outcome(), 0, time.monotonic(), None
    line = Line(sock, pid, limits)
    try:
        line.write({k: v for k, v in job.items() if k != "steps"} | {"limits": vars(limits)})
        for step in job["steps"]:
            begin = time.monotonic()
            asked = step | {"nonce": secrets.token_hex(8)}
            line.write(asked)
            got = line.read()
            kept += len(got)
            message = answer(got, asked, limits)
            if kept > KEPT_OUTPUT:
                message["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "output left out: too much in total\n"}]
            outcome.steps[step["id"]] = message | {"seconds": round(time.monotonic() - begin, 3)}
        sock.shutdown(socket.SHUT_WR)
        step = None
        if json.loads(line.read()) != {"end": True}: raise BadAnswer("no end")
    except TimeoutError:
        outcome.status, outcome.message = "timeout", f"stopped after {limits.seconds:g} s"
    except MemoryError:
        outcome.status, outcome.message = "memory", f"used more than {limits.memory_mb} MiB of memory"
    except BadAnswer as e:
        outcome.status, outcome.message = "tampered", f"wrote to the grader's channel ({e})"
    except (OSError, ValueError, RecursionError):
        outcome.status, outcome.message = "crashed", "the Python process ended by itself"
    if outcome.status != "graded" and step: outcome.message += f", in cell {step['id']}"
    if outcome.status == "graded" and any((m["error"] or {}).get("ename") == "MemoryError" for m in outcome.steps.values()):
        outcome.status, outcome.message = "memory", f"asked for more memory than the {limits.memory_mb} MiB it may use"
    outcome.seconds = round(time.monotonic() - start, 3)
    return outcome


def stage(folder):
    "Put what a run needs to read into `folder`: the runner, and the framework without `olympics` in any form."
    here, framework = Path(__file__).parent, importlib.util.find_spec("tinytorch").submodule_search_locations[0]
    shutil.copy(here / "runner.py", folder / "runner.py")
    shutil.copytree(framework, folder / "framework" / "tinytorch", ignore=shutil.ignore_patterns("olympics*", "__pycache__"))


class Bare:
    "Runs each job in a plain subprocess: a clock, no cage. For graders who trust the code (`--no-sandbox`)."

    def __init__(self, limits=Limits(), workers=1):
        self.limits = limits

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="capstone-")
        self.folder = Path(self._folder.name)
        stage(self.folder)
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def run(self, job):
        "The Outcome of `job`; its processes are killed with their process group."
        ours, theirs = socket.socketpair()
        env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(self.folder / "framework"), "MPLBACKEND": "agg",
               "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        with ours, tempfile.TemporaryDirectory(prefix="capstone-run-") as cwd:
            with theirs:
                process = subprocess.Popen([sys.executable, self.folder / "runner.py"], stdin=theirs, stdout=theirs,
                                           stderr=subprocess.DEVNULL, cwd=cwd, env=env | {"HOME": cwd}, start_new_session=True)
            try: return converse(ours, process.pid, job, self.limits)
            finally:
                with contextlib.suppress(ProcessLookupError): os.killpg(process.pid, signal.SIGKILL)
                process.wait()
