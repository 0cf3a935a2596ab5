"""Running equipment watched tag by tag: PCA, dynamic PCA and CVA with frozen plans."""
