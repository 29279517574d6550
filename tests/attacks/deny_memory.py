# status: memory
# Takes all the memory there is.
blocks = []
while True: blocks.append(bytearray(100 << 20))
