"""The web interface: a client of the node that shows pages to people in a browser."""
