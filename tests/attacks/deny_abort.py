# status: crashed
# Aborts the process, leaving a core file if it may.
import os, resource
try: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
except (ValueError, OSError): pass
os.abort()
