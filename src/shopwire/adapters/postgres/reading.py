"""One statement for all that a batch reads: which keys are held, and the rows it needs."""

from functools import lru_cache

from shopwire.adapters.postgres.writing import STATEMENTS_MAX, places, shifted


@lru_cache(maxsize=4 * STATEMENTS_MAX)
def together(queries: tuple[str, ...]) -> str:
    """One row with the JSON of each query; their arguments follow one another."""
    columns = []
    used = 0
    for number, query in enumerate(queries):
        columns.append(f"({shifted(query, used)}) AS c{number}")
        used += places(query)
    return "SELECT " + ",\n".join(columns)


def as_json(load: str) -> str:
    """A query whose rows come as one JSON array, null where there are none."""
    return f"SELECT json_agg(found) FROM ({load}\n) AS found"  # noqa: S608 - a named query
