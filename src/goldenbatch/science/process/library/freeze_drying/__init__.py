"""Freeze-drying: freezing, primary and secondary drying, equipment, optimisation, fitting."""

from __future__ import annotations
