/** One cell of a file; a wrong one says so to every reader. */

interface FindableProps {
  text: string;
  wrong: string | null;
}

export function Findable({ text, wrong }: FindableProps) {
  if (wrong === null) return <td>{text}</td>;
  return (
    <td data-wrong title={wrong}>
      {text === "" ? "blank" : text}
      <span className="visually-hidden"> (wrong)</span>
    </td>
  );
}
