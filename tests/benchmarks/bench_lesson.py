"""The lesson top to bottom on two cores: seconds and MiB beside the limits of a small Binder."""
import os
import resource
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "20_capstone.ipynb"
SECONDS, MIB = 60, 1024


def main():
    if hasattr(os, "sched_setaffinity"): os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
        took = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    met = "met" if took < SECONDS and most < MIB else "missed"
    print(f"20_capstone.ipynb: {took:.1f} s of {SECONDS}, {most:.0f} MiB of {MIB}: {met}")


if __name__ == "__main__":
    main()
