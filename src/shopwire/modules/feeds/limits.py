"""Limits of feeds: each has a name, a number, and what happens when it is reached."""

from typing import Final

CELL_CHARS_MAX: Final = 100_000
"""Letters of one cell; a row with a longer one is quarantined."""
LINE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bytes up to a line end or a closing quote; more ends the run: the file is no table."""
COLUMNS_MAX: Final = 1_000
"""Columns of a table; more ends the run."""
RAW_CHARS_MAX: Final = 4_000
"""How much of a row's raw text is kept with it in quarantine."""
CHUNK_ROWS_MAX: Final = 500
"""Rows that are compared and sent together."""
IMPORT_LANES: Final = 2
"""Parts of one import that are under way at once where nobody buys; a further one waits. Beyond two
nothing is gained: then the process computes all the while."""
CHUNK_CHARS_MAX: Final = 4_000_000
"""Letters that are compared and sent together; a chunk of long rows has fewer of them."""
GROUP_ROWS_MAX: Final = 500
"""Rows of one product; further rows are quarantined."""
QUARANTINED_ROWS_MAX: Final = 10_000
"""Rows a run keeps in quarantine; further ones are counted, and the run says so."""
JSON_BYTES_MAX: Final = 16 * 1024 * 1024
"""Size of a feed that cannot be read in pieces; a larger one is refused."""
SENDS_MAX: Final = 10
"""Times that a part of a feed is sent while the database or a queue refuses for the moment."""
SEND_WAIT_MS_MAX: Final = 4_000
"""Longest pause between two of them."""
UPLOAD_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Size of a feed sent over HTTP; more is refused with BodyTooLarge."""
LOOKUP_ROWS_MAX: Final = 1_000_000
"""Rows of a file that a mapping looks things up in."""
LOOKUP_LINE_CHARS_MAX: Final = 1024 * 1024
"""Letters of a line of such a file; with a longer one the feed is refused."""
QUARANTINE_PAGE_MAX: Final = 200
"""Quarantined rows on one page."""
RUNS_PAGE_MAX: Final = 200
"""Runs on one page."""
FEED_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Size of a feed, unpacked; more ends the run: it has no end, or it is a bomb."""
UNPACK_RATIO_MAX: Final = 200
"""How many times larger than it came a packed feed may be, beyond UNPACK_FREE_BYTES_MAX."""
UNPACK_FREE_BYTES_MAX: Final = 32 * 1024 * 1024
"""What a packed feed may grow to whatever its ratio: small files of blanks are no bombs."""
ARCHIVE_MEMBERS_MAX: Final = 1_000
"""Entries of an archive's directory; one with more is refused before it is read."""
SHEET_BYTES_MAX: Final = 512 * 1024 * 1024
"""Size of a workbook, unpacked; a larger one is refused."""
SHEET_STRINGS_BYTES_MAX: Final = 64 * 1024 * 1024
"""Size of a workbook's table of texts, which is held in memory; a larger one is refused."""
ELEMENT_CHARS_MAX: Final = 4 * 1024 * 1024
"""Letters of one JSON row; a longer one ends the run."""
NESTED_MAX: Final = 8
"""How deep things may lie in things in a JSON row; a deeper row is quarantined."""
SAMPLE_ROWS_MAX: Final = 1_000
"""Rows at the start in which the sign of the decimals is looked for."""
SAMPLE_BYTES: Final = 256 * 1024
"""Bytes at the start in which the encoding is looked for."""
MATCH_MS_MAX: Final = 50
"""Time that a mapping's pattern has for one value; the row is quarantined beyond it."""
ZEROED_PERCENT_DEFAULT: Final = 30
"""Of the SKUs a supplier has stock of, how many a feed may set to nothing; with more it is held."""
PRICE_MOVED_PERCENT_DEFAULT: Final = 10
"""Of the SKUs that a feed names, how many costs may move far; with more it is held."""
PRICE_MOVE_PERCENT_DEFAULT: Final = 50
"""A cost that moves by more than this moves far."""
SHRUNK_PERCENT_DEFAULT: Final = 50
"""Of the SKUs a supplier offers, how many a full feed may leave out; with more it is held."""
SKUS_MIN_DEFAULT: Final = 20
"""With fewer SKUs than this a share means nothing: no feed is held for it."""
PRICE_FACTOR_DEFAULT: Final = 100
"""A row whose cost is this many times what it was, or this part of it, is quarantined."""
EXAMPLES_MAX: Final = 10
"""Examples that a held feed shows; the worst ones."""
HELD_BYTES_MAX: Final = 64 * 1024 * 1024
"""Packed size of a feed that is kept while it waits; of a larger one only the numbers are kept,
and it has to be sent again to be taken."""
HELD_PART_BYTES: Final = 512 * 1024
"""Packed bytes of one kept piece."""
MENDABLE_CHARS_MAX: Final = 16_000
"""Letters of a quarantined row's cells that are kept; a longer row is mended from its raw text."""
OPEN_RUNS_MAX: Final = 2_000
"""Runs that go on or are held, over all suppliers, that a new one looks at; of more than that the
newest are not seen, and are decided by a person."""
CHANGES_PAGE_MAX: Final = 200
"""Products whose changes are on one page."""
UNDO_GROUPS_MAX: Final = 200
"""Products whose changes are put back together."""
KEPT_SHOWN_MAX: Final = 1_000
"""Things left by an undo that are written down; further ones are counted."""
UNDO_KEPT_MS: Final = 30 * 24 * 3_600_000
"""How long after its end an import can be undone, and its quarantined rows mended: so long what it
changed, and those rows as they came, are kept. Then they go, and the run says so."""
PRUNE_ENTRIES_MAX: Final = 2_000
"""Changes and quarantined rows that go in one transaction; the others go with the next."""
SPOOLED_BYTES_MAX: Final = 8 * 1024 * 1024
"""News of a feed that is held in memory before any of it takes effect; more goes to a file."""
ASIDES_MAX: Final = 8
"""Kinds of rows, by what they count for, that are known again by their marks, the largest first;
others are mapped and compared each time."""
QUIET_ROWS_MAX: Final = 100_000
"""Rows that were known again and are counted together."""
OPEN_SALES_MAX: Final = 100_000
"""SKUs with sales that wait to be in a count; with more of them no row is known by its mark."""
BLOCK_ROWS_MAX: Final = 8
"""Rows of a stretch of text that is known again as a whole; a product with more rows is one of its
own. One changed row makes all of its stretch be parsed."""
LEAP_ROWS_MAX: Final = 500
"""Rows of such stretches, behind each other, that are passed over at once; more go by turns."""
BLOCKS_MAX: Final = 250_000
"""Such stretches that are kept of a supplier's feed; rows of others are parsed each time."""
BLOCKS_ROOMY_MAX: Final = 100_000
"""Up to so many stretches those are kept that come no more until they are half of all: two files
that take turns are both known. Of more than that they go once they are a quarter."""
BLOCKS_PIECE_MAX: Final = 4_000
"""Stretches that are kept in one piece, of about half a megabyte."""
BLOCKS_FRESH_ROWS_MIN: Final = 1_000
"""With fewer rows that were parsed nothing is kept: to parse them again costs less."""
BLOCK_PIECES_MAX: Final = 200
"""Pieces that are kept of a supplier's feed; with more of them those that came are written anew."""
