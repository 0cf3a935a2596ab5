"""Yield and right first time from material, equipment and environment together."""
