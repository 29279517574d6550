# Gives outputs the types of notebooks' widgets and of things nobody knows.
from IPython.display import display
for mime in ("application/vnd.jupyter.widget-view+json", "text/html", "image/svg+xml", "application/javascript", "application/x-evil", "text/latex"):
    display({mime: "<script>alert('LOOT')</script>", "text/plain": "plain"}, raw=True)
