"""The kit of page and document elements; imported by `_pages`, `_documents` and apps.web."""
