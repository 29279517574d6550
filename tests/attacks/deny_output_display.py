# Shows ever more rich outputs.
from IPython.display import display, HTML
for i in range(5000): display(HTML("<b>" + "x" * 10_000 + "</b>"))
