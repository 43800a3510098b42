"""Values, errors, limits and ports. Imports the standard library and msgspec, nothing else."""
