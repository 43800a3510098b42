/** The server's clock, as far as its beats tell: deadlines are on it, not on this machine's. */

import { useClient } from "@shopwire/client/react";
import { useEffect, useState } from "react";

/** The server's time now, ticking while the component is there; null before the first beat. */
export function useServerNow(everyMs: number): number | null {
  const { status } = useClient();
  const [now, setNow] = useState(() => status.serverNow());
  useEffect(() => {
    setNow(status.serverNow());
    const timer = setInterval(() => setNow(status.serverNow()), everyMs);
    return () => clearInterval(timer);
  }, [status, everyMs]);
  return now;
}
