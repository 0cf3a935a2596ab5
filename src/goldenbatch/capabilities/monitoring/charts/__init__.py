"""Control charts of results, and how often they alarm."""
