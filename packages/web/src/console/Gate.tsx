/** The console's door: who runs this shop comes in, everybody else is asked for name and password. */

import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Mark } from "../shared/Mark.tsx";
import { Notice } from "../shared/Notice.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { Surface } from "../shared/Surface.tsx";
import { begin, useSession } from "../shared/session.ts";

/** How long after an answer that failed the shop is asked again, at first and at most. */
const RETRY_MS_LEAST = 500;
const RETRY_MS_MAX = 8_000;

export function Gate({ children }: { children: ReactNode }) {
  const session = useSession("operator");
  const { wanted, problem } = useDoor(session === null);
  if (session !== null) {
    return (
      <Surface who="operator" subject={session.subject}>
        {children}
      </Surface>
    );
  }
  if (wanted) return <Login />;
  return problem === null ? null : <Unanswered problem={problem} />;
}

/** Asks whether a login is wanted until the shop says so: no answer is not a no. */
function useDoor(closed: boolean): { wanted: boolean; problem: string | null } {
  const [wanted, setWanted] = useState(false);
  const [failed, setFailed] = useState({ times: 0, problem: "" });
  useEffect(() => {
    if (!closed || wanted) return;
    let left = false;
    const ask = async (): Promise<void> => {
      try {
        // A shop on this machine alone lets everybody in; another one says that it wants a login.
        const session = await begin("operator");
        if (!left) setFailed({ times: 0, problem: "" });
        if (!left && session === null) setWanted(true);
      } catch (error) {
        const problem = saidBy(error);
        if (!left) setFailed(({ times }) => ({ times: times + 1, problem }));
      }
    };
    const wait = failed.times === 0 ? 0 : RETRY_MS_LEAST * 2 ** (failed.times - 1);
    const timer = setTimeout(() => void ask(), Math.min(wait, RETRY_MS_MAX));
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [closed, wanted, failed.times]);
  return { wanted, problem: failed.times === 0 ? null : failed.problem };
}

/** `fetch` throws a TypeError where nobody answers; in its words, no two browsers agree. */
function saidBy(error: unknown): string {
  if (error instanceof TypeError) return "There is no way to it from here.";
  return error instanceof Error ? error.message : String(error);
}

function Unanswered({ problem }: { problem: string }) {
  useTitle("No answer · Shopwire console");
  return (
    <main id="main" className="login" tabIndex={-1}>
      <div role="alert" data-testid="unanswered">
        <Notice page icon="alert" title="The shop does not answer">
          {problem} The console is opened as soon as it does.
        </Notice>
      </div>
    </main>
  );
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
