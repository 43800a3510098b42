/** Starts the pages: the surfaces load apart, and each has a client of its own. */

import "@fontsource-variable/bricolage-grotesque/wght.css";
import "@fontsource-variable/hanken-grotesk/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Broken } from "./shared/Broken.tsx";
import { usePlace } from "./shared/router.tsx";
import { begin, roleOfPage, sessionOf } from "./shared/session.ts";

const Entrance = lazy(() => import("./storefront/Entrance.tsx"));
const Console = lazy(() => import("./console/Console.tsx"));
const Portal = lazy(() => import("./portal/Portal.tsx"));
const SURFACES = { shopper: Entrance, operator: Console, supplier: Portal } as const;

function App() {
  const { path } = usePlace();
  const Shown = SURFACES[roleOfPage(path)];
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Broken>
        <Suspense>
          <Shown />
        </Suspense>
      </Broken>
    </>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const page = createRoot(root);
// A cart is named after its shopper: so the shopper is known before the first page is shown.
const isNew = roleOfPage() !== "supplier" && sessionOf("shopper") === null;
const known = isNew ? begin("shopper") : Promise.resolve(null);
known
  .catch(() => null)
  .finally(() =>
    page.render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
