"""Process analytical technology: values inferred from spectra."""
