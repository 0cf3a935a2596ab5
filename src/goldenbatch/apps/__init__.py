"""Applications: the command line and the node, a site's service with its REST API."""
