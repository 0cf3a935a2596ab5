"""Findings that are rationalised as alarms, and how the alarms behave (ISA-18.2)."""
