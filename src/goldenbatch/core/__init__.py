"""Core: the types that everyone shares. Import its modules, there is nothing here."""
