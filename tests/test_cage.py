"The cages: what a submission can see, use and leave behind. Needs bubblewrap."
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tinytorch_grader.cage import Bare, Limits, bubblewrap, forks, outcome
from tinytorch_grader.cage.bubblewrap import CageMissing, Cages
from tinytorch_grader.intake import Job, Step
from tinytorch_grader.notebook import Trusted

NOTHING = Trusted({"cells": []})
IMPORTS = ("from tinytorch_grader.cage import Limits\nfrom tinytorch_grader.cage.bubblewrap import Cages\n"
           "from tinytorch_grader.intake import Job, Step\nfrom tinytorch_grader.notebook import Trusted\n")
ROOT = Path(__file__).resolve().parents[1]
caged = pytest.mark.skipif(not shutil.which("bwrap"),
                           reason="needs bubblewrap: run `make system` or apt-get install bubblewrap")
SMALL = Limits(seconds=5, memory_mb=700, processes=20, file_mb=8, output_bytes=20_000)


def job(*sources):
    return Job(1, [Step(f"cell-{i}", "extra", s) for i, s in enumerate(sources)])


@pytest.fixture(scope="module")
def cages():
    with Cages(NOTHING, SMALL, workers=2) as c: yield c


@pytest.fixture(scope="module")
def bare():
    with Bare(NOTHING, SMALL) as b: yield b


@pytest.fixture(params=[pytest.param("cages", marks=caged), "bare"])
def box(request): return request.getfixturevalue(request.param)


def printed(outcome, i=0):
    "What cell `i` printed."
    return "".join(o.get("text", "") for o in outcome.verdicts[f"cell-{i}"].outputs)


def said(box, source, **kw):
    outcome = box.run(job(source))
    assert outcome.status == "graded" and outcome.verdicts["cell-0"].ok, outcome
    return printed(outcome)


def test_steps_run_in_one_namespace_and_an_error_is_an_answer(box):
    outcome = box.run(job("x = 20", "x / 0", "print(x + 1)"))
    assert outcome.status == "graded" and list(outcome.verdicts) == ["cell-0", "cell-1", "cell-2"]
    assert [verdict.ok for verdict in outcome.verdicts.values()] == [True, False, True]
    assert outcome.verdicts["cell-1"].error.ename == "ZeroDivisionError" and printed(outcome, 2) == "21\n"


def test_endless_cell_times_out_and_keeps_what_came_before():
    with Bare(NOTHING, Limits(seconds=2)) as box:
        outcome = box.run(job(
            "x = 1", "import signal\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass", "y = 1"))
    assert outcome.status == "timeout" and list(outcome.verdicts) == ["cell-0"] and "cell-1" in outcome.message


def test_a_process_that_ends_is_crashed_and_keeps_what_came_before(box):
    for end in ("import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
                "import faulthandler; faulthandler._sigsegv()"):
        outcome = box.run(job("x = 1", end, "y = 1"))
        assert outcome.status == "crashed" and list(outcome.verdicts) == ["cell-0"], (end, outcome)


@caged
def test_memory_of_one_process_and_of_the_tree(cages):
    assert cages.run(job("b = bytearray(1 << 30)")).status == "memory"
    tree = ("import os, time\nfor _ in range(3):\n    if not os.fork():\n        b = bytearray(300 << 20)\n"
            "        time.sleep(60)\ntime.sleep(60)")
    assert cages.run(job("x = 1", tree)).status == "memory"


@caged
def test_processes_are_limited_and_counted_for_each_submission_alone(cages):
    fork = ("import os, time\nn = 0\ntry:\n    for n in range(100):\n        if not os.fork(): time.sleep(60)\n"
            "except BlockingIOError: print(n)\nelse: print('no limit')")
    assert 10 < int(said(cages, fork)) <= SMALL.processes
    results = []
    threads = [threading.Thread(target=lambda: results.append(int(said(cages, fork + "\ntime.sleep(.5)"))))
               for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert len(results) == 2 and min(results) > 10


@caged
def test_a_file_and_the_disk_are_limited(cages):
    fill = ("n = 0\ntry:\n    for i in range(1000):\n        with open(f'{PLACE}/{i}', 'wb') as f:\n"
            "            for _ in range(64): n += f.write(bytes(1 << 20))\nexcept OSError as e: print(n >> 20)")
    one = ("try:\n    with open('big', 'wb') as f: f.write(bytes(9 << 20))\n    print('no limit')\n"
           "except OSError as e: print(e.errno)")
    assert said(cages, one) == "27\n"
    for place in ("/tmp", "/dev/shm"):
        assert int(said(cages, fill.replace("{PLACE}", place))) <= 2 * SMALL.file_mb
    assert said(cages, "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))") == "[] []\n"


def test_output_is_cut(box):
    for flood in ("print('x' * 10_000_000)", "for _ in range(100_000): print('y' * 80)"):
        outcome = box.run(job("x = 1", flood, "print(x)"))
        assert (outcome.status == "graded" and len(printed(outcome, 1)) < 2 * SMALL.output_bytes
                and printed(outcome, 2) == "1\n")


SEEN = """
import json, os, socket, sys
def can(f, *args):
    try: return bool(f(*args)) or True
    except OSError: return False
def find(top):
    return [os.path.join(d, n) for d, ds, fs in os.walk(top) for n in ds + fs]
tops = ("/grader", "/framework", "/tmp", "/etc", "/hardware", "/proc", "/dev", "/packages")
everything = [p for top in tops for p in find(top)]
print(json.dumps({"uid": os.getuid(), "pid": os.getpid(), "environ": dict(os.environ), "root": os.listdir("/"),
  "files": everything, "proc": os.listdir("/proc"), "home": [p for p in HOMES if os.path.exists(p)],
  "fds": [fd for fd in range(3, 300) if can(os.fstat, fd)],
  "writable": [d for d, _, _ in os.walk("/") if os.access(d, os.W_OK)], "grader": os.listdir("/grader")}))
"""


@caged
def test_the_cage_shows_nothing_of_the_grader_its_user_or_its_neighbours(cages, monkeypatch):
    homes = [str(Path.home()), str(ROOT), "/root", "/home", "/work", "/var", "/usr/local/etc", "/etc/passwd",
             "/etc/shadow", "/run"]
    seen = json.loads(said(cages, f"HOMES = {homes}\n" + SEEN.replace('"/packages"', '"/tmp"')))
    assert (seen["uid"] == 1000 and seen["pid"] == 2 and seen["home"] == []
            and seen["proc"] in (["cpuinfo", "meminfo"], ["meminfo", "cpuinfo"]))
    assert set(seen["environ"]) <= set(bubblewrap.ENV) | {"PWD", "CAPSTONE_SEED"}
    assert sorted(seen["grader"]) == ["cells.json", "exam", "server.py"]
    assert not [f for f in seen["files"]
                if "olympics" in f or f.endswith((".ipynb", ".db")) or "gradebook" in f or "intake" in f]
    assert sorted(seen["writable"]) == ["/dev/shm", "/tmp"]
    assert len(seen["fds"]) <= 2   # the runner's own end of the channel


@caged
def test_no_copy_of_the_course_can_be_imported(cages):
    for name in ("tinytorch.olympics", "tinytorch_grader", "tinytorch_grader.intake"):
        outcome = cages.run(job(f"import {name}"))
        assert outcome.verdicts["cell-0"].error.ename == "ModuleNotFoundError"
    find = ("import glob, sys\nprint([p for d in sys.path for p in glob.glob(d + '/*tinytorch*/*') + glob.glob(d + "
            "'/*tinytorch*')" " if not p.startswith('/framework')])")
    assert all(p.endswith(("dist-info", ".pth", "_finder.py", ".egg-link")) for p in eval(said(cages, find)))
    readable = ("import glob, os\nprint([p for p in glob.glob('/packages/*/*tinytorch*') if os.path.isdir(p) and "
                "os.listdir(p) or os.access(p, os.R_OK) and os.path.isfile(p)])")
    assert said(cages, readable) == "[]\n"


@caged
def test_no_network(cages):
    assert (said(cages,
                 "import socket\ntry: socket.create_connection(('1.1.1.1', 53), 2)\nexcept OSError: print('none')")
            == "none\n")
    assert said(cages, "import socket\nprint([n for _, n in socket.if_nameindex()])") == "['lo']\n"


MEET = """
import socket, time
kinds = {"tcp": (socket.AF_INET, ("127.0.0.1", 45551)), "abstract": (socket.AF_UNIX, "\\0meet")}
def listen(kind):
    s = socket.socket(kinds[kind][0]); s.bind(kinds[kind][1]); s.listen()
    return s
def call(kind):
    try: socket.socket(kinds[kind][0]).connect(kinds[kind][1])
    except OSError: return "nobody"
    return "met"
"""


@caged
def test_neighbours_at_the_same_time_meet_on_no_socket_but_each_has_its_own_loopback(cages):
    results = {}
    waits = MEET + "held = [listen(kind) for kind in kinds]\nprint(*map(call, kinds))\ntime.sleep(1)"
    asks = MEET + "time.sleep(.5)\nprint(*map(call, kinds))"
    threads = [threading.Thread(target=lambda name, source: results.update({name: said(cages, source)}), args=pair)
               for pair in (("waits", waits), ("asks", asks))]
    for t in threads: t.start()
    for t in threads: t.join()
    assert results == {"waits": "met met\n", "asks": "nobody nobody\n"}


@caged
def test_open_files_are_limited(cages):
    many = ("n, kept = 0, []\ntry:\n    for n in range(1000): kept.append(open('/dev/null'))\n"
            "except OSError as e: print(e.errno, n)")
    number, n = map(int, said(cages, many).split())
    assert number == 24 and 100 < n < 128


CALLS = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def denied(name, *args): return getattr(libc, name)(*args) == -1 and ctypes.get_errno() == errno.EPERM
print([name for name, *args in [("unshare", 0x10000000), ("unshare", 0x20000), ("ptrace", 16, 1, 0, 0),
  ("memfd_create", b"x", 0), ("mount", b"x", b"/tmp", b"tmpfs", 0, None), ("chroot", b"/tmp"),
  ("setns", 0, 0), ("shmget", 0, 4096, 0o1600), ("umount2", b"/proc", 2),
  ("setuid", 0), ("sethostname", b"x", 1)] if not denied(name, *args)])
"""


@caged
def test_calls_that_open_doors_are_denied(cages):
    assert said(cages, CALLS) in ("[]\n", "['setuid']\n")   # setuid of an unmapped user is EINVAL
    assert said(cages, "import os\ntry: os.setuid(0)\nexcept OSError: print(os.getuid())") == "1000\n"


def processes():
    "Command lines of all processes here, by pid."
    lines = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: lines[int(pid)] = Path("/proc", pid, "cmdline").read_bytes()
        except OSError: pass
    return lines


@caged
def test_nothing_outlives_a_submission(cages):
    detached = ("import os, signal, subprocess\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
                "subprocess.Popen(['/usr/bin/sleep', '98765'], start_new_session=True)\n"
                "if not os.fork():\n    os.setsid()\n"
                "    if not os.fork(): os.execv('/usr/bin/sleep', ['sleep', '98764'])\n    os._exit(0)")
    for cell in (detached, detached + "\nos._exit(0)", detached + "\nos.kill(-1, 19)"):
        cages.run(job(cell))
        assert not [line for line in processes().values() if b"9876" in line]
    assert cages.run(job("import os; os.kill(1, 9); os.kill(os.getppid(), 9)")).status == "graded"


@caged
def test_cages_end_with_their_owner(tmp_path):
    code = (f"import threading\n{IMPORTS}"
            "with Cages(Trusted({'cells': []}), Limits(seconds=60)) as c:\n"
            "    threading.Timer(1, lambda: print('on', flush=True)).start()\n"
            "    c.run(Job(1, [Step('a', 'extra', 'import os; os.execv(\"/usr/bin/sleep\", [\"sleep\", "
            "\"98763\"])')]))")
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    assert owner.stdout.readline() == b"on\n"
    owner.kill()
    owner.wait()
    for _ in range(100):
        left = [line for line in processes().values() if b"98763" in line]
        if not left: break
        time.sleep(.05)
    assert not left


OTHER_FRAMES = {
    "an answer ahead": '["=",0,{"t":[]}]', "garbage": "hello", "deep": "[" * 9999,
    "another tag": '["=",0,{"pickle":1}]', "two tags": '["=",0,{"t":[],"d":[]}]',
    "a handle of nothing": '["=",0,{"h":[1,99]}]', "an array beyond its bytes": '["=",0,{"a":["<f8",[9],0]}]',
    "objects": '["=",0,{"a":["|O",[1],0]}]',
    "a call of what was not given": '["?",0,["call",0,{"t":[]},{"D":{}}]]',
    "a method not shown": '["?",0,["method",0,"__class__",{"t":[]},{"D":{}}]]',
    "a question unknown": '["?",0,["exec",0]]', "digits": '["=",0,1' + "0" * 5000 + "]",
    "clock reads": '["=","many",0]',
    "an output of another kind": '["=",0,[null,[{"D":{"output_type":"stream","name":"stdout","text":[5]}}]]]',
    "no words": '["!",0,{"D":{"names":[1]}}]'}


@pytest.mark.parametrize("frame", OTHER_FRAMES)
def test_a_frame_that_no_students_process_sends_is_tampering_and_no_more(box, frame):
    cell = (f"import os, stat, struct\nframe = {OTHER_FRAMES[frame]!r}.encode()\nfor fd in range(3, 300):\n    try:\n"
            "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, struct.pack('<II', len(frame), 0) + frame)\n"
            "    except OSError: pass")
    outcome = box.run(job("x = 1", cell, "y = 1"))
    assert outcome.status == "tampered" and list(outcome.verdicts) == ["cell-0"], outcome


@caged
def test_neighbours_share_nothing(cages):
    cages.run(job("import numpy, builtins, tinytorch\nnumpy.secret = builtins.secret = tinytorch.secret = 1\n"
                  "open('/tmp/secret', 'w').close()"))
    assert said(cages, "import numpy, builtins, os, tinytorch\n"
                "print(hasattr(numpy, 'secret'), hasattr(builtins, 'secret'), hasattr(tinytorch, 'secret'), "
                "os.path.exists('/tmp/secret'))") == "False False False False\n"
    draw = "import random, numpy; print(random.random(), numpy.random.rand())"
    draws = [printed(cages.run(Job(seed, job(draw).steps))) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]   # the same submission meets the same numbers, another one others


def test_verdicts_are_rebuilt_from_plain_types():
    step, limits = Step("a", "test", ""), Limits()
    good = {"id": "a", "error": None,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "\ud800\x00", "extra": 1}]}
    assert (outcome.verdict(good, step, limits).outputs
            == [{"output_type": "stream", "name": "stdout", "text": "?\\x00"}])
    for change in ({"id": "b"}, {"error": {}}, {"error": "x"}, {"outputs": [{}]},
                   {"outputs": 3}, {"outputs": [{"output_type": "stream", "name": "stdout", "text": 5}]},
                   {"outputs": [{"output_type": "display_data", "data": []}]}):
        with pytest.raises(outcome.BadAnswer): outcome.verdict(good | change, step, limits)
    found = outcome.verdict(good | {"error": {"ename": "E", "message": "m", "line": None, "at": ["c", 2]}}, step,
                            limits)
    assert not found.ok and found.error.at == ("c", 2)


def test_a_cage_that_says_nothing_is_an_error_and_no_wait(monkeypatch, tmp_path):
    # one that keeps the streams open, whatever is killed
    (tmp_path / "bwrap").write_text("#!/bin/sh\n(sleep 97531) &\nexec sleep 97532\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(forks, "SILENCE", 0.5)
    try:
        with pytest.raises(CageMissing, match="no word from it in 0.5 s"):
            with Cages(NOTHING): pass
    finally: left = [pid for pid, line in processes().items() if b"97531" in line]
    for pid in left: os.kill(pid, 9)


@caged
def test_no_lease_and_no_notice_on_a_file_that_all_cages_see(cages):
    lease = ("import fcntl, numpy, os\nfor file, *act in ((numpy.__file__, fcntl.F_SETLEASE, fcntl.F_RDLCK), "
             "(os.path.dirname(numpy.__file__), fcntl.F_NOTIFY, fcntl.DN_ACCESS)):\n"
             "    try: fcntl.fcntl(os.open(file, os.O_RDONLY), *act)\n    except PermissionError: print('denied')")
    assert said(cages, lease) == 2 * "denied\n"


@caged
def test_no_writing_out_of_everybodys_files_and_no_watch(cages):
    calls = ("import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\n"
             "for call in (lambda: libc.syncfs(1), lambda: libc.inotify_init1(0)): "
             "print(call(), ctypes.get_errno() == errno.EPERM)")
    assert said(cages, calls) == 2 * "-1 True\n"


def test_a_busy_neighbour_is_not_the_submissions_fault():
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))]
    busy = "import time\nstart = time.process_time()\nwhile time.process_time() - start < 1: pass"
    try:
        with Bare(NOTHING, Limits(seconds=2)) as box: outcome = box.run(job(busy))
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert outcome.status == "graded" and outcome.verdicts["cell-0"].ok, outcome


COLLIDING = """
import gc, json, struct
line = next(o for o in gc.get_objects() if type(o).__name__ == "Student")
def reply(kind, body):
    head = json.dumps(["=", 0, {"s": [i * (2**61 - 1) for i in range(1, 150_000)]}]).encode()
    data = struct.pack("<II", len(head), 0) + head
    for at in range(0, len(data), 2**16): line.frames.sock.sendall(data[at:at + 2**16])
line.reply = reply
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are watched through /proc")
def test_what_the_examiner_computes_over_an_answer_is_the_submissions_time():
    with Bare(NOTHING, Limits(seconds=1)) as box: outcome = box.run(job(COLLIDING))   # a set that takes hours to fill
    assert outcome.status == "timeout" and "of computing" in outcome.message, outcome


def test_a_submission_that_only_waits_ends_too():
    with Bare(NOTHING, Limits(seconds=2)) as box: outcome = box.run(job("import time; time.sleep(60)"))
    assert outcome.status == "timeout" and "waiting" in outcome.message and outcome.seconds < 20


def test_without_bubblewrap_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CageMissing, match="make system.*apt-get install bubblewrap") as e:
        with Cages(NOTHING): pass
    assert "\n" not in str(e.value)


def test_a_cage_that_cannot_start_says_why(monkeypatch, tmp_path):
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho no permissions to create new namespace >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CageMissing, match="no permissions to create new namespace"):
        with Cages(NOTHING): pass


@caged
@pytest.mark.skipif(os.geteuid() != 0, reason="root changes into an ordinary user here")
def test_an_ordinary_user_has_the_same_cage(tmp_path):
    base = str(Path(sys.base_prefix).resolve())
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    shutil.copytree(ROOT / "src" / "tinytorch_grader", tmp_path / "src" / "tinytorch_grader",
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tinytorch", tmp_path / "src" / "tinytorch", ignore=shutil.ignore_patterns("__pycache__"))
    code = (f"import os\n{IMPORTS}assert os.geteuid() == 1234\nwith Cages(Trusted({{'cells': []}})) as c:\n"
            "    o = c.run(Job(1, [Step('a', 'extra', 'import os, numpy, tinytorch; print(os.getuid(), "
            "os.listdir(\"/tmp\"))')]))\n" "    print(o.status, o.verdicts['a'].outputs[0]['text'])")
    done = subprocess.run(["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/mnt", "--ro-bind", base, "/mnt/python",
                           "--ro-bind", packages, "/mnt/site-packages",
                           "--ro-bind", tmp_path / "src", "/mnt/src", "setpriv", "--reuid=1234", "--regid=1234",
                           "--clear-groups",
                           "/mnt/python/bin/" + Path(os.path.realpath(sys.executable)).name, "-c", code],
                          capture_output=True, text=True,
                          env={"PYTHONPATH": "/mnt/src:/mnt/site-packages", "LD_LIBRARY_PATH": "/mnt/python/lib",
                               "PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    assert done.stdout.strip() == "graded 1000 []", done.stderr
