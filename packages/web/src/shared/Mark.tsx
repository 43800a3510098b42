/** The shop's sign: a wire with a pulse in it. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
      <rect width="32" height="32" rx="9" />
      <path d="M5 19h5.2c1 0 1.6-.6 1.9-1.5l2-6.3c.2-.7 1.2-.7 1.4 0l3.2 10.2c.2.7 1.2.7 1.4 0l1.1-3.6c.3-.6.8-.8 1.4-.8H27" />
    </svg>
  );
}
