# Fills every place it can write to.
import os
for place in ("/tmp", "/dev/shm", ".", "/var/tmp", "/run"):
    try:
        for i in range(1000):
            with open(os.path.join(place, str(i)), "wb") as f:
                for _ in range(32): f.write(bytes(1 << 20))
    except OSError: pass
