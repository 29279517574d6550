"""`capstone`, `nbgrader` and `alembic` for a shell, each command a fork of one Python that has imported both:
a page of commands runs in seconds.

    with commands(folder) as environment: subprocess.run(["bash", "-c", "capstone grade course"], env=environment)

Each fork has the words, folder, environment and streams of the command that asked for it;
what the command does is what it does anywhere.
"""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

ASK = """import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
socket.send_fds(line, [json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()], [0, 1, 2])
sys.exit(int(line.recv(16) or b"70"))
"""


def run(words):
    "The exit status of the command `words`."
    sys.argv = [os.path.basename(words[0]), *words[1:]]
    try:
        if sys.argv[0] == "alembic":   # which stock nbgrader asks for the version of a new gradebook
            from alembic.config import main
        elif sys.argv[0] == "nbgrader":
            from nbgrader.apps.nbgraderapp import main
        else:
            from tinytorch_grader.__main__ import main
        main()
    except SystemExit as e: return e.code if isinstance(e.code, int) else int(e.code is not None)
    return 0


def serve(address):
    "Fork for each command that comes to the socket at `address`, until stdin ends."
    import tinytorch.olympics  # noqa: F401
    from tinytorch_grader import byhand, cli, collect, giveback, grade, release, rerun, similar  # noqa: F401
    from tinytorch_grader.pages import feedback, report  # noqa: F401
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    import alembic.config  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import nbgrader.apps  # noqa: F401
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while server in select.select([server, sys.stdin], [], [])[0]:
            line, _ = server.accept()
            request, streams, _, _ = socket.recv_fds(line, 2**20, 3)
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                words, folder, environment = json.loads(request)
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environment)
                for number, stream in enumerate(streams): os.dup2(stream, number)
                sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
                status = 70
                try: status = run(words)
                except BaseException: traceback.print_exc()
                finally:   # alembic holds the stdout of the server
                    for stream in (sys.__stdout__, sys.stdout, sys.stderr): stream.flush()
                    line.send(str(status).encode())
                    os._exit(0)
            for stream in streams: os.close(stream)
            line.close()


@contextlib.contextmanager
def commands(folder):
    "An environment in which `capstone` and `nbgrader` are such forks; its socket and the scripts lie in `folder`."
    bin, address = Path(folder) / "bin", str(Path(folder) / "line")
    bin.mkdir()
    for name in ("alembic", "capstone", "nbgrader"):
        (bin / name).write_text(f"#!{sys.executable} -SE\n{ASK.format(address=address)}")
        (bin / name).chmod(0o755)
    process = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=os.environ | {"MPLBACKEND": "agg"})
    try:
        assert process.stdout.readline() == b"ready\n"
        yield os.environ | {"PATH": os.pathsep.join([str(bin), str(Path(sys.executable).parent), os.environ["PATH"]])}
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__": serve(sys.argv[1])
