"""Past one machine: a Dask cluster grades, one place writes, PostgreSQL keeps the grades."""
import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install '.[grader]'")
pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="grades in the cage: run `make system`")

from grading import RIGHT, ROOT, WRONG, capstone, gradebook, hand_in, make_course  # noqa: E402

from tinytorch_grader import grade as grading  # noqa: E402

SANDBOX = bool(shutil.which("bwrap"))
CLASS = {f"s{i}": 5 if i % 3 else 2 for i in range(9)}   # student: score


@pytest.fixture
def course(tmp_path):
    course = make_course(tmp_path)
    for student, score in CLASS.items():
        hand_in(course, student, **RIGHT | {"half": f"time.sleep(0.2)\n{RIGHT['half'] if score == 5 else WRONG}"})
    return course


def until(condition, seconds=60):
    "Wait until `condition()`; its value."
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
    return found


class Cluster:
    "A Dask scheduler on loopback and workers of one thread each, as processes."

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.file = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self.file)
        import json
        self.address = json.loads(until(lambda: self.file.exists() and self.file.read_text()))["address"]

    def start(self, *words):
        log = open(self.folder / f"{len(self.processes)}.log", "w")
        self.processes.append(subprocess.Popen([sys.executable, "-m", "dask", *map(str, words)], stdout=log, stderr=log,
                                               cwd=ROOT))
        return self.processes[-1]

    def worker(self):
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                          "--local-directory", self.folder)

    def wait(self, count):
        from distributed import Client
        with Client(self.address, set_as_default=False) as client: client.wait_for_workers(count, timeout=60)

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed: pip install '.[scale]'")
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


def test_a_cluster_grades_and_loses_a_worker(course, cluster):
    "Two workers, one killed in the middle: every submission is graded once, by whoever is left."
    doomed = cluster.worker()
    cluster.worker()
    cluster.wait(2)
    told = []

    def progress(done, total, student):
        told.append(student)
        if done == 2: doomed.kill()

    rows = {row["student"]: row for row in grading.grade(
        course, sandbox=SANDBOX, executor=cluster.address.replace("tcp", "dask"), progress=progress)}
    assert ({student: row["score"] for student, row in rows.items()} == CLASS
            and {row["status"] for row in rows.values()} == {"graded"})
    assert sorted(told) == sorted(CLASS) and doomed.poll() is not None
    assert {student: found["score"] for student, found in gradebook(course).items()} == CLASS
    here = {row["student"]: row for row in grading.grade(course, sandbox=SANDBOX, force=True)}
    assert all(here[s]["parts"] == row["parts"] for s, row in rows.items())   # the same grades as on this machine


def test_no_cluster_is_one_line(course, cluster):
    address = cluster.address.replace("tcp", "dask")
    result = capstone("grade", course, "--no-sandbox", "--executor", address)
    assert result.returncode == 2 and "no workers" in result.stderr and "Traceback" not in result.stderr, result.stderr
    cluster.close()
    result = capstone("grade", course, "--no-sandbox", "--executor", address)
    assert (result.returncode == 2 and "no Dask scheduler answers" in result.stderr
            and "Traceback" not in result.stderr), result.stderr


@pytest.fixture(scope="module")
def postgres():
    "The URL of a PostgreSQL server of our own, run by an ordinary user in a temporary folder."
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed: pip install '.[scale]'")
    path = os.pathsep.join([os.environ["PATH"], *sorted(glob.glob("/usr/lib/postgresql/*/bin"))])
    if not shutil.which("initdb", path=path): pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    if who: shutil.chown(folder, who["user"], who["group"])
    run = dict(cwd=folder, env=os.environ | {"PATH": path, "HOME": str(folder)}, stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL, **who)
    subprocess.run(["initdb", "-D", "data", "-U", "teacher", "--auth=trust", "--no-sync"], check=True, **run)
    server = subprocess.Popen(["postgres", "-D", "data", "-k", str(folder), "-c", "listen_addresses=", "-c",
                               "fsync=off"], **run)
    try:
        until(lambda: (folder / ".s.PGSQL.5432").exists())
        url = f"postgresql://teacher@/postgres?host={folder}"
        import psycopg

        def answers():
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url): return True
        until(answers)
        yield url
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def test_postgresql_keeps_the_grades(course, postgres, tmp_path):
    assert capstone("grade", course, "--no-sandbox", "--db", postgres, "--json", tmp_path / "g.json").returncode == 0
    from nbgrader.api import Gradebook as Stock
    # SQLAlchemy before 2.1 would ask for psycopg2
    with Stock(postgres.replace("postgresql:", "postgresql+psycopg:")) as book:
        assert {s.student.id: s.score for s in book.assignment_submissions("20_capstone")} == CLASS
        book.find_grade("why", "20_capstone", "20_capstone", "s0").manual_score = 3
        book.db.commit()
    assert not gradebook(course)   # nothing went into the SQLite file
    rows = {row["student"]: row for row in grading.grade(course, sandbox=False, db=postgres)}
    assert rows["s0"]["score"] == CLASS["s0"] + 3 and rows["s1"]["score"] == CLASS["s1"]
    # without --db: the course remembers
    again = {row["student"]: row["score"] for row in grading.grade(course, sandbox=False)}
    assert again == {student: row["score"] for student, row in rows.items()} and not gradebook(course)


def test_a_server_that_is_not_there_is_one_line(course):
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed: pip install '.[scale]'")
    result = capstone("grade", course, "--no-sandbox", "--db", "postgresql://teacher:secret@127.0.0.1:1/grades")
    assert (result.returncode == 2 and "127.0.0.1" in result.stderr and "secret" not in result.stderr
            and "Traceback" not in result.stderr), result.stderr
