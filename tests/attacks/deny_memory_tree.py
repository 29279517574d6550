# status: memory timeout
# Takes all the memory there is, a little in each of many processes.
import os, time
for _ in range(20):
    if not os.fork():
        block = bytearray(200 << 20)
        time.sleep(100)
time.sleep(100)
