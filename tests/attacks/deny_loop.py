# status: timeout
# Never ends.
while True: pass
