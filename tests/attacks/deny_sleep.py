# status: timeout
# Waits for ever inside a C call.
import threading
threading.Lock().acquire()
lock = threading.Lock(); lock.acquire(); lock.acquire()
