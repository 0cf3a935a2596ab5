"""Orders of samples as documents for a laboratory; what it answers is read by a card."""

from goldenbatch.connectors.tabular._lims import (
    HEADER,
    ORDER,
    ORDERS_FORM,
    RESULTS_FORM,
    orders_csv,
    orders_json,
)

__all__ = ["HEADER", "ORDER", "ORDERS_FORM", "RESULTS_FORM", "orders_csv", "orders_json"]
