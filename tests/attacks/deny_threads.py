# Stops the other threads by tearing down what they use.
import sys, threading
for thread in threading.enumerate():
    if thread is not threading.current_thread(): thread._stop() if hasattr(thread, "_stop") else None
sys.setswitchinterval(1000)
