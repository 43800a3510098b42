export default function Console() {
  return <main id="main">Console</main>;
}
