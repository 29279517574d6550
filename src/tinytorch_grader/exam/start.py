"""Start one of the two processes outside the cage where nothing forks: `python -m exam.start student`, which waits
on a port for `python -m exam.start examiner PORT WORD`."""
import functools
import gc
import json
import os
import secrets
import socket
import sys
from pathlib import Path

CELLS = Path(__file__).parents[1] / "cells.json"


@functools.cache
def trusted():
    "The trusted cells that lie beside this process's code, by kind."
    return json.loads(CELLS.read_text(encoding="utf-8"))


def sources():
    "({id: source} of the trusted cells, the tests' vocabulary), for the examiner."
    cells = trusted()
    return cells["given"] | cells["test"], cells["vocabulary"]


def line():
    "The student's end of the line: whoever comes to a port of ours and knows the word that we print."
    with socket.create_server(("127.0.0.1", 0)) as server:
        word = secrets.token_hex(16)
        print(server.getsockname()[1], word, flush=True)
        while True:
            found = server.accept()[0]
            found.settimeout(30)
            if found.recv(32).decode("ascii", "replace") == word:
                found.settimeout(None)
                return found


class Pipes:
    "The examiner's stdin and stdout in the shape of a socket."
    def __init__(self): self.read, self.write = sys.stdin.buffer.raw, sys.stdout.buffer

    def recv(self, count): return self.read.read(count)

    def sendall(self, data):
        self.write.write(data)
        self.write.flush()


def ends(port, word):
    "(the parent, the examiner's end of the line): pipes, and a connection to the port where the word is known."
    found = socket.create_connection(("127.0.0.1", int(port)), 30)
    found.settimeout(None)
    found.sendall(word.encode())
    pipes = Pipes()
    sys.stdout = sys.stderr
    return found, pipes


def begin(role, line, parent=None):
    "Serve a submission in the working folder, over its line; the examiner's verdicts go to `parent`."
    if role == "student":
        from . import student
        sys.path[:] = ["", *(path for path in sys.path if path != str(CELLS.parent))]   # as in Jupyter
        student.main(line, student.CLOCK)
    from . import examiner
    sys.path.append(os.getcwd())   # modules beside the notebook, which shadow nothing
    examiner.main(parent, line, *sources())


def main(role, *words):
    os.environ.pop("PYTHONPATH")
    if role == "student":
        from . import student
        sock = line()
        gc.freeze()
        student.CLOCK = student.Clock().install()
        begin(role, sock)
    begin(role, *ends(*words))


if __name__ == "__main__": main(*sys.argv[1:])
