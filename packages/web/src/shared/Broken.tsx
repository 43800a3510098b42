/** The last net: a defect of the page shows a way on instead of nothing. */

import { Component, type ReactNode } from "react";
import { Notice } from "./Notice.tsx";

export class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <main id="main" role="alert">
        <Notice
          page
          icon="alert"
          title="This page has a defect"
          actions={
            <button type="button" className="button" onClick={() => window.location.reload()}>
              Load it again
            </button>
          }
        >
          Nothing that you bought is lost. Loading the page again usually helps.
        </Notice>
      </main>
    );
  }
}
