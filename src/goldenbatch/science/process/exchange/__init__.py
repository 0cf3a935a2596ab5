"""Models given to other tools and taken from them."""
