/** The place of a table whose rows are on their way. */
export function TableSkeleton({ rows }: { rows: number }) {
  return (
    <div className="table-skeleton" aria-busy="true">
      <p className="visually-hidden">Loading</p>
      {Array.from({ length: rows }, (_, at) => `row-${at}`).map((row) => (
        <span key={row} className="skeleton" aria-hidden="true" />
      ))}
    </div>
  );
}
