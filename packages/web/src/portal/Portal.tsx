/** The suppliers' portal: a supplier comes in by its own key, and sees and answers its orders. */

import { type FormEvent, useRef, useState } from "react";
import { Freshness } from "../shared/Freshness.tsx";
import { Mark } from "../shared/Mark.tsx";
import { useTitle } from "../shared/router.tsx";
import { Surface } from "../shared/Surface.tsx";
import { end, useSession } from "../shared/session.ts";
import { ThemeSwitch } from "../shared/theme.tsx";
import { enter } from "./key.ts";
import { Orders } from "./Orders.tsx";
import "../styles/console.css";
import "../styles/panels.css";
import "../styles/desk.css";
import "../styles/portal.css";

export default function Portal() {
  const session = useSession("supplier");
  if (session === null) return <Door />;
  return (
    <Surface who="supplier" subject={session.subject}>
      <div className="portal">
        <header className="portal-head">
          <p className="wordmark">
            <Mark /> <span data-testid="portal-supplier">{session.subject}</span>
          </p>
          <div className="portal-tools">
            <Freshness />
            <ThemeSwitch />
            <button
              type="button"
              className="button button-small"
              onClick={() => end("supplier")}
              data-testid="portal-leave"
            >
              Leave
            </button>
          </div>
        </header>
        <main id="main" tabIndex={-1}>
          <Orders />
        </main>
      </div>
    </Surface>
  );
}

function Door() {
  useTitle("Supplier portal");
  const [fault, setFault] = useState("");
  const [pending, setPending] = useState(false);
  const key = useRef<HTMLInputElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (pending) return;
    setPending(true);
    const said = await enter(key.current?.value.trim() ?? "");
    if (said === "") return;
    setFault(said);
    setPending(false);
    key.current?.select();
  };
  return (
    <main id="main" className="login" tabIndex={-1}>
      <form onSubmit={submit} aria-labelledby="portal-title">
        <Mark />
        <h1 id="portal-title">Supplier portal</h1>
        <div className="field">
          <label htmlFor="portal-key">Your key</label>
          <input
            id="portal-key"
            ref={key}
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            required
            aria-describedby="portal-hint"
          />
        </div>
        <p className="field-fault" role="alert" data-testid="portal-fault">
          {fault}
        </p>
        <button
          type="submit"
          className="button button-main"
          aria-disabled={pending}
          data-testid="portal-enter"
        >
          {pending ? "One moment…" : "Come in"}
        </button>
        <p className="soft" id="portal-hint">
          The shop that you supply gave it to you. It stays in this browser until you leave.
        </p>
      </form>
    </main>
  );
}
