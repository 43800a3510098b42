/** What is said where something is missing or went wrong: what happened, and what to do. */

import type { ReactNode } from "react";
import type { ApiError } from "./api.ts";
import { Icon, type IconName } from "./icons.tsx";

interface NoticeProps {
  title: string;
  children?: ReactNode;
  icon?: IconName;
  actions?: ReactNode;
  /** Where the notice is the whole page, its title is the page's. */
  page?: boolean;
}

export function Notice({ title, children, icon = "inbox", actions, page = false }: NoticeProps) {
  const Title = page ? "h1" : "h2";
  return (
    <div className="notice">
      <Icon name={icon} size={28} />
      <Title>{title}</Title>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

interface FailedProps {
  error: ApiError;
  retry: () => void;
  page?: boolean;
}

/** A failed read, in the server's words, with the way on. */
export function Failed({ error, retry, page = false }: FailedProps) {
  return (
    <div role="alert">
      <Notice
        page={page}
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
