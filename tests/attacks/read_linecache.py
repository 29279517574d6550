# Prints the sources of the cells run so far, hidden tests among them.
import linecache
print([line for entry in linecache.cache.values() if len(entry) > 2 for line in entry[2] if "BEGIN HIDDEN" in line])
