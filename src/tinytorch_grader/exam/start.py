"""Start one of the two processes outside the cage: `python -m exam.start student FD`, or `examiner FD PARENT`; with
a port where no socket can be handed over."""
import gc
import json
import os
import secrets
import socket
import sys
from pathlib import Path

CELLS = Path(__file__).parents[1] / "cells.json"


def line_of(words):
    """The student's end of the line: the descriptor in `words`, or whoever comes to a port of ours and knows the
    word that we print."""
    if words[0] != "listen": return socket.socket(fileno=int(words[0]))
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


def ends_of(words):
    "(socket to the parent, the examiner's end of the line): two descriptors, or pipes and a port with its word."
    if len(words[1]) < 16: return socket.socket(fileno=int(words[1])), socket.socket(fileno=int(words[0]))
    found = socket.create_connection(("127.0.0.1", int(words[0])), 30)
    found.settimeout(None)
    found.sendall(words[1].encode())
    pipes = Pipes()
    sys.stdout = sys.stderr
    return pipes, found


def main(role, *words):
    os.environ.pop("PYTHONPATH")
    if role == "student":
        from . import student
        sock = line_of(words)
        sys.path[:] = [path for path in sys.path if path != str(CELLS.parent)]
        gc.freeze()
        student.main(sock, student.Clock().install())
    else:
        from . import examiner
        cells = json.loads(CELLS.read_text(encoding="utf-8"))
        parent, line = ends_of(words)
        examiner.main(parent, line, cells["given"] | cells["test"], cells["vocabulary"])


if __name__ == "__main__": main(*sys.argv[1:])
