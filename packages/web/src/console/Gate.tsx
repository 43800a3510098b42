/** The console's door: who runs this shop comes in, everybody else is asked for name and password. */

import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Mark } from "../shared/Mark.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { Surface } from "../shared/Surface.tsx";
import { begin, useSession } from "../shared/session.ts";

export function Gate({ children }: { children: ReactNode }) {
  const session = useSession("operator");
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    // A shop on this machine alone lets everybody in; another one says that it wants a login.
    if (session === null && !asked) {
      begin("operator")
        .catch(() => null)
        .finally(() => setAsked(true));
    }
  }, [session, asked]);
  if (session !== null) return <Surface who="operator">{children}</Surface>;
  return asked ? <Login /> : null;
}

function Login() {
  useTitle("Log in · Shopwire console");
  const [fault, setFault] = useState("");
  const [pending, setPending] = useState(false);
  const user = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (pending) return;
    setPending(true);
    setFault("");
    try {
      const name = user.current?.value ?? "";
      const word = password.current?.value ?? "";
      if ((await begin("operator", { user: name, password: word })) !== null) return;
      setFault("Name or password is wrong.");
    } catch (problem) {
      setFault(problem instanceof Error ? problem.message : String(problem));
    }
    setPending(false);
    password.current?.select();
  };
  return (
    <main id="main" className="login" tabIndex={-1}>
      <form onSubmit={submit} aria-labelledby="login-title">
        <Mark />
        <h1 id="login-title">Log in to the console</h1>
        <div className="field">
          <label htmlFor="login-user">Name</label>
          <input id="login-user" ref={user} autoComplete="username" required />
        </div>
        <div className="field">
          <label htmlFor="login-password">Password</label>
          <input
            id="login-password"
            ref={password}
            type="password"
            autoComplete="current-password"
            required
          />
        </div>
        <p className="field-fault" role="alert" data-testid="login-fault">
          {fault}
        </p>
        <button type="submit" className="button" aria-disabled={pending} data-testid="login">
          {pending ? "One moment…" : "Log in"}
        </button>
        <p className="soft">
          No account yet? Whoever runs the server makes one: <code>shopwire user add NAME</code>.{" "}
          <Link href="/">To the shop</Link>
        </p>
      </form>
    </main>
  );
}
