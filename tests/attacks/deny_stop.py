# status: timeout
# Stops every process it can see, itself last.
import os, signal
for pid in (-1, os.getppid(), 1):
    try: os.kill(pid, signal.SIGSTOP)
    except OSError: pass
os.kill(os.getpid(), signal.SIGSTOP)
