# status: graded timeout
# Prints lines for as long as it may.
for i in range(3_000_000): print("another line", i)
