# Fills the line with bytes that are no frames, from a thread of its own, while the examiner asks.
# status: tampered graded crashed timeout
import os, stat, threading
def flood():
    while True:
        for fd in range(3, 200):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b"\xff" * 60_000)
            except OSError: pass
threading.Thread(target=flood, daemon=True).start()
