# Floods the descriptors behind sys.stdout.
import os, subprocess
for _ in range(200):
    for fd in (1, 2): os.write(fd, b"x" * 65536)
subprocess.run(["head", "-c", "50000000", "/dev/zero"])
