"""`import tinytorch.olympics` beside `import numpy`: fresh processes in turn, bytecode compiled before, time measured inside the process."""
import compileall
import subprocess
import sys
from pathlib import Path

import numpy as np

import tinytorch

RUNS, TARGET = 60, 1.3
TIMED = "from time import perf_counter_ns as now; t = now(); import {}; print(now() - t)"


def ms(module):
    "Milliseconds that the import takes in a fresh process."
    run = subprocess.run([sys.executable, "-c", TIMED.format(module)], check=True, capture_output=True, text=True)
    return int(run.stdout) / 1e6


def main():
    compileall.compile_dir(Path(tinytorch.__file__).parent, quiet=1)
    for module in ("numpy", "tinytorch.olympics"): ms(module)
    pairs = np.array([(ms("numpy"), ms("tinytorch.olympics"))[::1] if k % 2 else (ms("tinytorch.olympics"), ms("numpy"))[::-1] for k in range(RUNS)])
    ratio = float(np.median(pairs[:, 1] / pairs[:, 0]))
    print(f"import numpy {np.median(pairs[:, 0]):.1f} ms, import tinytorch.olympics {np.median(pairs[:, 1]):.1f} ms, "
          f"ratio {ratio:.2f} (target {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}, n={RUNS} pairs)")
    slowest = subprocess.run([sys.executable, "-X", "importtime", "-c", "import numpy, tinytorch.olympics"], check=True, capture_output=True, text=True)
    after = slowest.stderr.splitlines()
    rows = [line.removeprefix("import time:").split("|") for line in after[[line.split("|")[-1].strip() for line in after].index("numpy") + 1:]]
    rows = sorted(((int(own), name.strip()) for own, _, name in rows), reverse=True)[:6]
    print("beside numpy, most of the rest goes to: " + ", ".join(f"{name} {own / 1e3:.1f} ms" for own, name in rows))


if __name__ == "__main__":
    main()
