/** The operator's console: what the shop is doing, kept open all day. */

import { useTopic } from "@shopwire/client/react";
import type { ReactNode } from "react";
import { Freshness } from "../shared/Freshness.tsx";
import { Icon, type IconName } from "../shared/icons.tsx";
import { Mark } from "../shared/Mark.tsx";
import { Notice } from "../shared/Notice.tsx";
import { Link, match, usePlace, useTitle } from "../shared/router.tsx";
import { ThemeSwitch } from "../shared/theme.tsx";
import { useNow } from "../shared/time.ts";
import { useCurrentInView } from "../shared/useCurrentInView.ts";
import { ChannelsPage } from "./ChannelsPage.tsx";
import { ConflictsPage } from "./ConflictsPage.tsx";
import { FindStockPage } from "./FindStockPage.tsx";
import { Gate } from "./Gate.tsx";
import { ImportPage } from "./ImportPage.tsx";
import { ImportsPage } from "./ImportsPage.tsx";
import { MatchesPage } from "./MatchesPage.tsx";
import { OrderPage } from "./OrderPage.tsx";
import { OrdersPage } from "./OrdersPage.tsx";
import { Overview } from "./Overview.tsx";
import { PreviewPage } from "./PreviewPage.tsx";
import { PricesPage } from "./PricesPage.tsx";
import { useCollectedPulse } from "./pulse.ts";
import { RoutingPage } from "./RoutingPage.tsx";
import { useCollectedRate } from "./rate.ts";
import { AddSourcePage, EditSourcePage } from "./SourceFormPage.tsx";
import { SourcePage } from "./SourcePage.tsx";
import { StockPage } from "./StockPage.tsx";
import { SuppliersPage } from "./SuppliersPage.tsx";
import { LONG_HELD_MS, useHeld } from "./useHeld.ts";
import "../styles/console.css";
import "../styles/panels.css";
import "../styles/desk.css";

const CONFLICTS = "/console/conflicts";
const IMPORTS = "/console/imports";
const MATCHES = "/console/matches";
const NAV: readonly { href: string; name: string; icon: IconName }[] = [
  { href: "/console", name: "Overview", icon: "pulse" },
  { href: "/console/orders", name: "Orders", icon: "bag" },
  { href: CONFLICTS, name: "Conflicts", icon: "scales" },
  { href: "/console/routing", name: "Routing", icon: "swap" },
  { href: "/console/prices", name: "Prices", icon: "tag" },
  { href: IMPORTS, name: "Imports", icon: "inbox" },
  { href: MATCHES, name: "Matches", icon: "link" },
  { href: "/console/suppliers", name: "Suppliers", icon: "people" },
  { href: "/console/channels", name: "Ways out", icon: "truck" },
  { href: "/console/stock", name: "Stock", icon: "boxes" },
];

/** Pages that need nothing but their address. */
const PAGES: readonly (readonly [place: string, page: () => ReactNode])[] = [
  ["/console", Overview],
  ["/console/orders", OrdersPage],
  ["/console/conflicts", ConflictsPage],
  ["/console/routing", RoutingPage],
  ["/console/prices", PricesPage],
  [IMPORTS, ImportsPage],
  ["/console/try-a-file", PreviewPage],
  [MATCHES, MatchesPage],
  ["/console/suppliers", SuppliersPage],
  ["/console/suppliers/new", AddSourcePage],
  ["/console/channels", ChannelsPage],
  ["/console/stock", FindStockPage],
];

export default function Console() {
  return (
    <Gate>
      <Desk />
    </Gate>
  );
}

function Desk() {
  const { path } = usePlace();
  useCollectedPulse();
  useCollectedRate();
  const open = useTopic("ops:orders")?.doc?.open_conflicts ?? 0;
  const waiting = Object.values(useTopic("matches:queue")?.doc?.waiting ?? {});
  const matches = waiting.reduce((sum, one) => sum + one, 0);
  const held = useHeld();
  const late = useIsLate(held[0]?.started_at_ms ?? null);
  const row = useCurrentInView(`${path} ${open} ${matches}`);
  return (
    <div className="console">
      <header className="console-side">
        <Link className="wordmark" href="/console" aria-label="Shopwire console">
          <Mark /> <span>Shopwire</span>
        </Link>
        <nav className="console-nav links-row" aria-label="Console" ref={row}>
          {NAV.map(({ href, name, icon }) => (
            <Link key={href} href={href} aria-current={isWithin(path, href) ? "page" : undefined}>
              <Icon name={icon} /> {name}
              {href === CONFLICTS && open > 0 && (
                <span className="nav-count" data-testid="open-conflicts">
                  {open}
                  <span className="visually-hidden"> open</span>
                </span>
              )}
              {href === IMPORTS && held.length > 0 && (
                <span
                  className="nav-count"
                  data-late={late || undefined}
                  data-testid="waiting-imports"
                >
                  {held.length}
                  <span className="visually-hidden">
                    {late ? " waiting for more than a day" : " waiting"}
                  </span>
                </span>
              )}
              {href === MATCHES && matches > 0 && (
                <span className="nav-count" data-testid="waiting-matches">
                  {matches}
                  <span className="visually-hidden"> waiting</span>
                </span>
              )}
            </Link>
          ))}
        </nav>
        <div className="console-tools">
          <Freshness />
          <ThemeSwitch />
          <Link className="icon-button" href="/" aria-label="To the shop" title="To the shop">
            <Icon name="shop" />
          </Link>
        </div>
      </header>
      <main id="main" tabIndex={-1} key={path}>
        <Page path={path} />
      </main>
    </div>
  );
}

/** Whether something waits for more than a day; it is looked each minute. */
function useIsLate(sinceMs: number | null): boolean {
  const now = useNow(60_000);
  return sinceMs !== null && now - sinceMs > LONG_HELD_MS;
}

function isWithin(path: string, href: string): boolean {
  return href === "/console" ? path.replace(/\/$/, "") === href : path.startsWith(href);
}

function Page({ path }: { path: string }) {
  const run = match("/console/imports/:id", path);
  if (run) return <ImportPage id={run.id ?? ""} />;
  const stock = match("/console/stock/:sku", path);
  if (stock) return <StockPage sku={stock.sku ?? ""} />;
  const order = match("/console/orders/:id", path);
  if (order) return <OrderPage id={order.id ?? ""} />;
  const source = match("/console/suppliers/:supplier/:name", path);
  if (source) return <SourcePage supplier={source.supplier ?? ""} name={source.name ?? ""} />;
  const edit = match("/console/suppliers/:supplier/:name/change", path);
  if (edit) return <EditSourcePage supplier={edit.supplier ?? ""} name={edit.name ?? ""} />;
  const Found = PAGES.find(([place]) => match(place, path))?.[1] ?? Lost;
  return <Found />;
}

function Lost() {
  useTitle("Not found · Shopwire console");
  return (
    <Notice
      page
      title="There is no such page"
      icon="search"
      actions={
        <Link className="button" href="/console">
          To the overview
        </Link>
      }
    >
      The address may have a slip in it.
    </Notice>
  );
}
