/** A supplier hands units to a carrier. */

import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import { keep, kept } from "../shared/kept.ts";
import { useOffline } from "../shared/useOffline.ts";
import { expected, lineNames, type SuppliersOrder, toShip } from "./orders.ts";
import { UnitFields, type Units, written } from "./UnitFields.tsx";

const CARRIER = "shopwire.portal.carrier";

export function ShipForm({ order, title }: { order: SuppliersOrder; title: string }) {
  const ship = useCommand("shipping.record_shipment");
  const offline = useOffline();
  const [carrier, setCarrier] = useState(() => kept(CARRIER) ?? "");
  const [tracking, setTracking] = useState("");
  const [units, setUnits] = useState<Units>({});
  const id = useId();
  const most = Object.fromEntries(toShip(order).map((line) => [line.sku, expected(line)]));
  const lines = written(most, units)?.filter(({ quantity }) => quantity > 0) ?? [];
  const ready = carrier.trim() !== "" && tracking.trim() !== "" && lines.length > 0;
  const blocked = offline || ship.pending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (blocked || !ready) return;
    keep(CARRIER, carrier.trim());
    void ship.send({
      purchase_order: order.id,
      // The number of the parcel names it: pressing twice is the same parcel.
      reference: tracking.trim(),
      carrier: carrier.trim(),
      tracking: tracking.trim(),
      lines,
      shipped_at_ms: Date.now(),
    });
  };
  return (
    <form className="portal-form" onSubmit={submit} aria-label={`Ship ${title}`}>
      <div className="portal-parcel">
        <div className="field">
          <label htmlFor={`${id} carrier`}>Carrier</label>
          <input
            id={`${id} carrier`}
            value={carrier}
            required
            maxLength={100}
            onChange={(event) => setCarrier(event.target.value)}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id} tracking`}>Tracking number</label>
          <input
            id={`${id} tracking`}
            value={tracking}
            required
            maxLength={100}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTracking(event.target.value)}
          />
        </div>
      </div>
      <UnitFields
        legend="In this parcel"
        most={most}
        names={lineNames(order)}
        units={units}
        onChange={setUnits}
      />
      <p className="portal-actions">
        <button
          type="submit"
          className="button button-main"
          aria-disabled={blocked || !ready}
          data-testid="portal-ship"
        >
          {ship.pending ? "One moment…" : "Handed to the carrier"}
        </button>
      </p>
      <div role="alert" className="conflict-refused">
        {ship.error?.message}
      </div>
    </form>
  );
}
