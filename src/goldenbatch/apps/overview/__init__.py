"""What overviews and the pages of batches and findings show, asked of a site as one person sees it.

Everything here reads projections, or events folded once and kept; nothing decides rights.
"""
