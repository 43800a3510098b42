/** Starts the pages: one client for both surfaces, which load apart. */

import "@fontsource-variable/bricolage-grotesque/wght.css";
import "@fontsource-variable/hanken-grotesk/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { createClient } from "@shopwire/client";
import { ShopwireProvider } from "@shopwire/client/react";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Broken } from "./shared/Broken.tsx";
import { usePlace } from "./shared/router.tsx";

const Storefront = lazy(() => import("./storefront/Storefront.tsx"));
const Console = lazy(() => import("./console/Console.tsx"));

const client = createClient({ url: window.location.origin });

function App() {
  const { path } = usePlace();
  const isConsole = path === "/console" || path.startsWith("/console/");
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Broken>
        <Suspense>{isConsole ? <Console /> : <Storefront />}</Suspense>
      </Broken>
    </>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ShopwireProvider client={client}>
      <App />
    </ShopwireProvider>
  </StrictMode>,
);
