/** What is said where something is missing or went wrong: what happened, and what to do. */

import type { ReactNode } from "react";
import type { ApiError } from "./api.ts";
import { Icon, type IconName } from "./icons.tsx";

interface NoticeProps {
  title: string;
  children?: ReactNode;
  icon?: IconName;
  actions?: ReactNode;
}

export function Notice({ title, children, icon = "inbox", actions }: NoticeProps) {
  return (
    <div className="notice">
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

/** A failed read, in the server's words, with the way on. */
export function Failed({ error, retry }: { error: ApiError; retry: () => void }) {
  return (
    <div role="alert">
      <Notice
        icon="alert"
        title={error.body.message}
        actions={
          <button type="button" className="button" onClick={retry}>
            Try again
          </button>
        }
      >
        {error.body.remedy}
      </Notice>
    </div>
  );
}
