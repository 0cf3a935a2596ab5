"""The kit of the web interface: the contract of pages, and the elements that they are made of.

Only modules named `_pages` and `goldenbatch.apps.web` import it; NiceGUI is imported here and
there alone.
"""
