"""Process validation and key figures of a product, from design to continued verification."""
