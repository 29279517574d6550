# status: tampered
# Writes garbage to every open descriptor.
import os
for fd in range(3, 300):
    try: os.write(fd, b"garbage\n")
    except OSError: pass
