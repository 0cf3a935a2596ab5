"""Homes whose ledger lies in a real PostgreSQL server."""
