# Lets a child process go on with the run while the parent waits, so that two answers exist.
import os
if os.fork(): os.waitpid(-1, 0)
