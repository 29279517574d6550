"""The cages: two bubblewraps, one for the students' processes and one for the examiners', each with a fork server in
it.

Threat: the code of a submission tries to read, outlive or outgrow its run. It sees no network and no file but an
interpreter, its packages and the framework; tests lie in the examiners' cage alone. Each submission has namespaces
of its own in both (server.py), and the two meet on one socket pair, the line.
"""
import glob
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from .bare import framework, stage
from .forks import Server, run
from .outcome import Limits


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


class Caged(Server):
    """The cage of a role, with its fork server.

    Start it on the main thread: bubblewrap ends with the thread that started it."""

    def __init__(self, folder, role):
        super().__init__(role, command(folder, role), {"PATH": os.environ.get("PATH", os.defpath)}, "/")

    def missing(self, why):
        return CageMissing(f"no sandbox: the cage did not start ({why}); see whether `bwrap --ro-bind / / "
                           "--unshare-all true` works here")


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
        self.servers = [Caged(folder, role) for role in ("student", "examiner")]
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
        return run(self.servers, asdict(self.limits), job, self.limits)
