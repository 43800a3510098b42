/** Whether the shop is known to be out of reach. */

import { useClient } from "@shopwire/client/react";
import { useCallback, useSyncExternalStore } from "react";

/**
 * Not while the first connection is being made: who presses something in a page's first moments
 * means it, and it is sent over HTTP. Renders again only when that changes.
 */
export function useOffline(): boolean {
  const { status } = useClient();
  const listen = useCallback((listener: () => void) => status.subscribe(listener), [status]);
  const read = () => {
    const now = status.get();
    return now.status === "offline" && !now.connecting;
  };
  return useSyncExternalStore(listen, read, read);
}
