"""Products, variants, options, images, categories."""
