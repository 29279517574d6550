# status: timeout memory
# Computes a number that has no end, in one C call.
x = 7 ** (7 ** 13)
