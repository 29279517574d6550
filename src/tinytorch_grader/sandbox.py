"""Run one job (a stranger's cells) in a process of its own, with a clock and limits.

Threat: the code of a submission tries to read, outlive, outgrow or forge its run. It runs behind bubblewrap (no network, no file but
an interpreter, its packages and the framework) in namespaces of its own (zygote.py). The parent hands out one step at a time
over a socket and accepts for it one answer that repeats the step's nonce; everything else on the socket is `tampered`.
What remains: a cell shares its process with the runner, so code that hunts through the interpreter can find the step it is in and
answer for it. The known-wrong answers among the steps (intake.py) are there to make that show.
"""
import ast, contextlib, functools, glob, importlib.util, json, marshal, os, secrets, select, shutil, signal, socket, struct
import subprocess, sys, tempfile, threading, time, types
from binascii import b2a_base64
from dataclasses import dataclass, field
from pathlib import Path

KEPT_OUTPUT = 8 * 2**20   # bytes of result lines of one submission that keep their outputs
MOST_LOOKS = 40            # kinds of audit events that the runner tells, with room
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
    looks: list = field(default_factory=list)   # ways in which its code looked behind the interpreter, with the step in which it did


class CageMissing(RuntimeError):
    "There is no bubblewrap here, or it cannot start; the message says what to do."


class FrameworkMissing(RuntimeError):
    "There is no tinytorch package for submissions to run on; the message says what to do."


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


def tree(root):
    "Process `root` and all its descendants."
    found, parents = [root], None
    if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):   # a kernel that keeps no such lists: look at every process
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                parents.setdefault(Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[1], []).append(pid)
    for pid in found:
        with contextlib.suppress(OSError):
            if parents is not None: found += map(int, parents.get(b"%d" % pid, ()))
            else:
                for thread in os.listdir(f"/proc/{pid}/task"): found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def held(pid, file, kinds):
    "KiB of memory of the `kinds` that /proc/PID/`file` tells of; 0 for a process that has ended."
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{file}") as lines: return sum(int(l.split()[1]) for l in lines if l.startswith(kinds))
    return 0


def outgrown(root, most):
    "Whether `root` and all its descendants hold more than `most` MiB, a shared page counted once; files on disk count not at all."
    if not os.path.isdir("/proc"): return False   # no way to see it without Linux's /proc
    pids = tree(root)   # with shared pages counted for each is quickly told, and mostly enough
    return (sum(held(pid, "status", ("RssAnon", "RssShmem")) for pid in pids) > 1024 * most
            and sum(held(pid, "smaps_rollup", ("Pss_Anon", "Pss_Shmem")) for pid in pids) > 1024 * most)


def ready(sock, event, seconds):
    "Whether `sock` can `read` or `write` within `seconds`."
    if not hasattr(select, "poll"):   # Windows
        return any(select.select(*[[sock] * (event == name) for name in ("read", "write")], [], seconds))
    poll = select.poll()
    poll.register(sock, select.POLLIN if event == "read" else select.POLLOUT)
    return bool(poll.poll(1000 * seconds))


class Line:
    "Lines over a socket to process `pid`, under the clock and the memory limit of one submission."

    def __init__(self, sock, pid, limits):
        self.sock, self.pid, self.limits = sock, pid, limits
        self.deadline, self.look, self.buffer = time.monotonic() + limits.seconds, time.monotonic() + TICK, bytearray()
        sock.setblocking(False)

    def _wait(self, event):
        "Wait until the socket can `read` or `write`; TimeoutError and MemoryError are the submission's ends."
        while True:
            now = time.monotonic()
            if now >= self.deadline: raise TimeoutError
            if now >= self.look:
                if outgrown(self.pid, self.limits.memory_mb): raise MemoryError
                self.look = time.monotonic() + TICK
            if ready(self.sock, event, max(0, min(self.deadline, self.look) - now)): return

    def write(self, message):
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            try: data = data[self.sock.send(data):]
            except BlockingIOError: self._wait("write")

    def read(self):
        "The next line as bytes; ConnectionError at the end, BadAnswer for a line without end."
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            if searched > 8 * self.limits.output_bytes + 2**20: raise BadAnswer("a result line without end")
            self._wait("read")
            try: data = self.sock.recv(2**18)
            except BlockingIOError: continue
            if not data: raise ConnectionResetError("the process ended")
            self.buffer += data
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 1]
        return line


def bound(tree):
    "The names that the statements of `tree` bind in their namespace."
    names, todo = set(), list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)): names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)): names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)): names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name: names.add(node.name); todo += ast.iter_child_nodes(node)
        elif not isinstance(node, ast.Lambda): todo += ast.iter_child_nodes(node)
    return names


def used(code):
    "Every name that `code` and the code inside it may look up."
    return set(code.co_names).union(*(used(c) for c in code.co_consts if isinstance(c, types.CodeType)))


@functools.lru_cache(maxsize=1024)
def compiled(name, source):
    "A trusted cell for the runner, the same Python: its code, what it binds, what it looks up; compiled once for all submissions."
    try: tree = ast.parse(source)
    except (SyntaxError, ValueError) as e: tree = ast.parse(f"raise SyntaxError({str(e)!r})")
    code = compile(tree, f"<trusted {name}>", "exec", dont_inherit=True)
    return b2a_base64(marshal.dumps((code, bound(tree), used(code))), newline=False).decode()


def asked(step):
    "What the runner is told of `step`: trusted code as code, a student's as it is, and the nonce that its answer must repeat."
    told = step | {"nonce": secrets.token_hex(8)}
    if step["role"] in ("given", "test"): told["code"] = compiled(step["id"], told.pop("source"))
    if "answers" in step: told["answers"] = compiled("answers", step["answers"])
    return told


def subject(job, step):
    "The words that name the solution cell which the test `step` is about; none for another cell."
    if step["role"] != "test": return ""
    before = [other["id"] for other in job["steps"][:job["steps"].index(step)] if other["role"] == "solution"]
    named = [name for name in before if step["id"].startswith(f"{name}-")]
    return f", which calls {(named or before)[-1]}" if before else ""


def converse(sock, pid, job, limits):
    "Hand the steps of `job` one by one to the runner behind `sock`, collect its answers; the Outcome, whatever happens."
    outcome, kept, start, step = Outcome(), 0, time.monotonic(), None
    line = Line(sock, pid, limits)
    try:
        line.write({k: v for k, v in job.items() if k != "steps"} | {"limits": vars(limits)})
        for step in job["steps"]:
            begin = time.monotonic()
            line.write(told := asked(step))
            while (got := line.read()).startswith(b'{"look":'):
                outcome.looks.append(f"{plain(json.loads(got)['look'], 60)} in cell {step['id']}")
                if len(outcome.looks) > MOST_LOOKS: raise BadAnswer("too much to look at")
            kept += len(got)
            message = answer(got, told, limits)
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
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        outcome.status, outcome.message = "crashed", "the Python process ended by itself"
    if outcome.status != "graded" and step: outcome.message += f", in cell {step['id']}{subject(job, step)}"
    if outcome.status == "graded" and any((m["error"] or {}).get("ename") == "MemoryError" for m in outcome.steps.values()):
        outcome.status, outcome.message = "memory", f"asked for more memory than the {limits.memory_mb} MiB it may use"
    outcome.seconds = round(time.monotonic() - start, 3)
    return outcome


def framework(beside=None):
    "The folder of the tinytorch package that submissions meet: that of TINYTORCH_PATH, else one in `beside`, else the installed one."
    own = os.environ.get("TINYTORCH_PATH")
    folder = own or beside
    if folder and Path(folder, "tinytorch", "__init__.py").is_file(): return Path(folder, "tinytorch")
    if own:
        raise FrameworkMissing(f"TINYTORCH_PATH={own}: holds no tinytorch package; expected the folder in which your tinytorch folder lies")
    if found := importlib.util.find_spec("tinytorch"): return Path(found.submodule_search_locations[0])
    raise FrameworkMissing("no tinytorch package here; run the command in the folder of your notebook, or set TINYTORCH_PATH")


def stage(folder, package, names):
    "Put what a run needs to read into `folder`: the runner, and the framework without `olympics` in any form."
    (folder / "grader").mkdir()
    for name in names: shutil.copy(Path(__file__).parent / name, folder / "grader" / name)
    shutil.copytree(package, folder / "framework" / "tinytorch", ignore=shutil.ignore_patterns("olympics*", "__pycache__"))
    for path in (folder, *folder.rglob("*")): path.chmod(0o755 if path.is_dir() else 0o644)


def pump(read, write, end):
    "Copy what `read()` gives to `write(data)` until one of them ends, then `end()`."
    with contextlib.suppress(OSError, ValueError):
        while data := read(): write(data)
    with contextlib.suppress(OSError, ValueError): end()


class Bare:
    """Runs each job in a plain subprocess: a clock, no cage. For one's own code, and for graders who trust the code (`--no-sandbox`).

    Works without Linux: where a process cannot be handed a socket, two threads carry the lines. `beside`: a folder whose tinytorch
    package goes before the installed one.
    """
    relay = os.name != "posix"

    def __init__(self, limits=Limits(), workers=1, beside=None):
        self.limits, self.beside = limits, beside

    def __enter__(self):
        package = framework(self.beside)
        self._folder = tempfile.TemporaryDirectory(prefix="capstone-")
        self.folder = Path(self._folder.name)
        stage(self.folder, package, ["runner.py", "shell.py"])
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def run(self, job):
        "The Outcome of `job`; its processes are killed with their process group."
        ours, theirs = socket.socketpair()
        env = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ} | {
            "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(self.folder / "framework"), "MPLBACKEND": "agg",
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
        with ours, tempfile.TemporaryDirectory(prefix="capstone-run-", ignore_cleanup_errors=True) as cwd:
            ends = (subprocess.PIPE, subprocess.PIPE) if self.relay else (theirs, theirs)
            process = subprocess.Popen([sys.executable, self.folder / "grader" / "runner.py"], stdin=ends[0], stdout=ends[1], bufsize=0,
                                       stderr=subprocess.DEVNULL, cwd=cwd, env=env | {"HOME": cwd}, start_new_session=True)
            pumps = [threading.Thread(target=pump, args=args, daemon=True) for args in (
                (lambda: theirs.recv(2**16), process.stdin.write, process.stdin.close),
                (lambda: process.stdout.read(2**16), theirs.sendall, lambda: theirs.shutdown(socket.SHUT_WR)))] if self.relay else []
            for thread in pumps: thread.start()
            if not self.relay: theirs.close()
            try: return converse(ours, process.pid, job, self.limits)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    if hasattr(os, "killpg"): os.killpg(process.pid, signal.SIGKILL)
                    else: process.kill()
                process.wait()
                ours.close()
                for thread in pumps: thread.join(5)
                theirs.close()


NOBODY = 65534   # who runs the cages when the grader is root
ENV = {"PATH": "/python/bin:/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/python/lib", "HOME": "/tmp", "TMPDIR": "/tmp",
       "LANG": "C.UTF-8", "USER": "student", "LOGNAME": "student", "PYTHONPATH": "/framework", "PYTHONHASHSEED": "0",
       "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def bindings(folder):
    "What the cage sees of this machine: {path inside: path outside}, the path of its Python, and what is hidden in these paths."
    seen = {d: d for d in ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo",
                           "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")}
    base = Path(sys.base_prefix).resolve()
    python = Path(os.path.realpath(sys.executable)).relative_to(base)
    home = Path("/python")
    if base in (Path("/usr"), Path("/usr/local")):
        home, seen[f"{base}/bin"] = base, f"{base}/bin"
    else: seen |= {f"/python/{d}": f"{base}/{d}" for d in ("bin", "lib")}
    seen = {inside: outside for inside, outside in seen.items() if os.path.exists(outside)}
    packages = [p for p in dict.fromkeys(sys.path) if p.endswith(("site-packages", "dist-packages")) and os.path.isdir(p)]
    seen |= {f"/packages/{i}": p for i, p in enumerate(packages)}
    hidden = []   # an installed copy of this course, and the editable installs that name its checkout
    for inside, outside in seen.items():
        for pattern in ("", "python3*/site-packages/", "python3*/dist-packages/", "python3/dist-packages/"):
            hidden += [(inside + path[len(outside):], os.path.isdir(path)) for path in glob.glob(f"{outside}/{pattern}*tinytorch*")]
    seen |= {"/grader": str(folder / "grader"), "/framework": str(folder / "framework")}
    return seen, str(home / python), [f"/packages/{i}" for i in range(len(packages))], dict.fromkeys(hidden)


def command(folder, limits):
    "The command line that starts zygote.py in a cage; as root, through a first bubblewrap that binds what only root may open."
    seen, python, packages, hidden = bindings(folder)
    lines = []
    if os.geteuid() == 0:
        lines += ["bwrap", "--die-with-parent", "--dev-bind", "/", "/", "--size", "1048576", "--tmpfs", "/mnt"]
        for i, (inside, outside) in enumerate(seen.items()):
            lines += ["--ro-bind", outside, f"/mnt/{i}"]
            seen[inside] = f"/mnt/{i}"
        lines += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"]
    lines += ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000", "--hostname", "cage"]
    for inside, outside in seen.items(): lines += ["--ro-bind", outside, inside]
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(link): lines += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link): lines += ["--ro-bind", link, link]
    for path, is_folder in hidden: lines += ["--tmpfs", path, "--remount-ro", path] if is_folder else ["--ro-bind", "/dev/null", path]
    lines += ["--proc", "/proc", "--size", "1048576", "--tmpfs", "/dev"]
    for name in ("null", "zero", "full", "random", "urandom"): lines += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name in ("cpuinfo", "meminfo"): lines += ["--ro-bind", f"/proc/{name}", f"/hardware/{name}"]
    lines += ["--dir", "/dev/shm", "--remount-ro", "/dev", "--size", str(64 * 2**20), "--tmpfs", "/tmp", "--remount-ro", "/", "--clearenv"]
    for name, value in (ENV | {"PYTHONPATH": ":".join(["/framework", *packages])}).items(): lines += ["--setenv", name, value]
    return lines + ["--chdir", "/tmp", python, "-S", "/grader/zygote.py"]


class Cages:
    """Runs each job in a one-use cage behind bubblewrap, `workers` at a time as threads ask; CageMissing where that cannot be.

    Enter it on the main thread: bubblewrap ends with the thread that started it.
    """

    def __init__(self, limits=Limits(), workers=1):
        self.limits, self.workers = limits, workers

    def __enter__(self):
        for tool in ("bwrap", "setpriv")[:1 + (os.geteuid() == 0)]:
            if not shutil.which(tool): raise CageMissing(
                "no sandbox: bubblewrap is not installed here; run `make system` or `sudo apt-get install bubblewrap`, "
                "or grade code that you trust with --no-sandbox")
        package = framework()
        self._folder, self._lock = tempfile.TemporaryDirectory(prefix="capstone-"), threading.Lock()
        stage(Path(self._folder.name), package, ["runner.py", "shell.py", "zygote.py"])
        try: self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(AttributeError):
            self._control.close()   # at which the cage ends by itself
            try: self._process.wait(5)
            except subprocess.TimeoutExpired: self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _start(self):
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(command(Path(self._folder.name), self.limits), stdin=theirs, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.PIPE, env={"PATH": os.environ.get("PATH", os.defpath)}, cwd="/")
        with self._process.stderr as said:
            self._control.settimeout(60)
            try: ready = self._control.recv(16) == b"ready"
            except OSError: ready = False
            if not ready:
                self._process.kill()
                why = said.read(4000).decode("utf-8", "replace").strip().splitlines()
                raise CageMissing(f"no sandbox: the cage did not start ({why[-1] if why else 'no word from it'}); "
                                  "see whether `bwrap --ro-bind / / --unshare-all true` works here")

    def run(self, job):
        "The Outcome of `job`; when it returns, no process of the job is left."
        with contextlib.ExitStack() as stack:
            ours, theirs, leash, their_leash = (stack.enter_context(s) for pair in (socket.socketpair(), socket.socketpair()) for s in pair)
            leash.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            leash.settimeout(30)
            with self._lock:
                if self._process.poll() is not None: self._start()
                socket.send_fds(self._control, [json.dumps(vars(self.limits)).encode()], [theirs.fileno(), their_leash.fileno()])
            theirs.close(); their_leash.close()
            _, about, _, _ = leash.recvmsg(1, socket.CMSG_SPACE(12))
            pid = struct.unpack("3i", about[0][2])[0] if about else 0
            try:
                if not pid: return Outcome("crashed", message="the cage could not be built")
                return converse(ours, pid, job, self.limits)
            finally:
                leash.shutdown(socket.SHUT_WR)
                while leash.recv(1): pass   # until the last process of the submission has gone
