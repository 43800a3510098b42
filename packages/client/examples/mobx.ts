/** The same with MobX: a view that reactions read from, a command with the state of its button. */

import { type Client, change } from "@shopwire/client";
import { ShopwireView } from "@shopwire/client/mobx";
import { autorun } from "mobx";

export function openShop(shop: Client, show: (text: string) => void) {
  const view = new ShopwireView(shop);
  const selling = view.command("inventory.sell_stock");
  const giveBack = shop.subscribe(["stock:MUG"]);
  const left = () => view.get("stock:MUG")?.doc?.available;

  const stop = autorun(() => {
    const problem = selling.state.error;
    show(problem === null ? `${left() ?? "…"} left` : problem.message);
  });

  const sellOne = () => {
    const after = (left() ?? 0) - 1;
    const optimistic = change("stock:MUG", (doc) => doc && { ...doc, available: after });
    return selling.send({ sku: "MUG", quantity: 1 }, { optimistic });
  };

  const close = () => {
    stop();
    view.stop();
    giveBack();
  };
  return { left, sellOne, close };
}
