# Stops in the debugger.
breakpoint()
