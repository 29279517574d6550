"""`import tinytorch.olympics` beside `import numpy`: fresh processes take turns,
bytecode compiled before, time taken inside the process."""
import compileall
import subprocess
import sys
from pathlib import Path

import numpy as np

import tinytorch

PAIRS, TARGET = 60, 1.3
TIMED = "from time import perf_counter_ns as now; start = now(); import {}; print(now() - start)"


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)


def ms(module):
    "Milliseconds that the import takes in a fresh process."
    return int(python("-c", TIMED.format(module)).stdout) / 1e6


def where_it_goes(most=6):
    "The modules that `tinytorch.olympics` loads after NumPy, dearest first: (own ms, name)."
    lines = [line.removeprefix("import time:").split("|")
             for line in python("-X", "importtime", "-c", "import numpy, tinytorch.olympics").stderr.splitlines()]
    names = [line[-1].strip() for line in lines]
    start = names.index("numpy") + 1
    return sorted(((int(own) / 1e3, name) for (own, _, _), name in zip(lines[start:], names[start:])),
                  reverse=True)[:most]


def main():
    compileall.compile_dir(Path(tinytorch.__file__).parent, quiet=1)
    modules = ["numpy", "tinytorch.olympics"]
    for module in modules: ms(module)
    times = {module: [] for module in modules}
    for pair in range(PAIRS):
        for module in modules if pair % 2 else reversed(modules): times[module].append(ms(module))
    numpy_ms, ours_ms = map(np.array, times.values())
    ratio = float(np.median(ours_ms / numpy_ms))
    print(f"import numpy {np.median(numpy_ms):.1f} ms, import tinytorch.olympics {np.median(ours_ms):.1f} ms, "
          f"ratio {ratio:.2f} (target {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}, n={PAIRS} pairs)")
    print("beyond numpy: " + ", ".join(f"{name} {own:.1f} ms" for own, name in where_it_goes()))


if __name__ == "__main__":
    main()
