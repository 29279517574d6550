# Leaves a process behind that outlives the grading.
import os, subprocess
subprocess.Popen(["sleep", "987654"], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
if not os.fork():
    os.setsid()
    if not os.fork(): os.execvp("sleep", ["sleep", "987654"])
    os._exit(0)
