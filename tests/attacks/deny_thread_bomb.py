# Starts threads without end.
# status: graded timeout
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError: print("no more")
