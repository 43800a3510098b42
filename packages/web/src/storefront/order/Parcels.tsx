/** The parcels of an order: who carries them, and what the carrier saw last. */

import type { OrderDocument } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { Cued } from "../../shared/cue.tsx";
import { Icon } from "../../shared/icons.tsx";
import { momentText } from "../../shared/time.ts";
import { carrierText, shipmentText } from "./words.ts";

export function Parcels({ order }: { order: OrderDocument }) {
  const live = useTopics(order.shipments.map(({ id }) => `shipment:${id}` as const));
  if (order.shipments.length === 0) return null;
  return (
    <section className="order-part" aria-labelledby="parcels">
      <h2 id="parcels">Parcels</h2>
      <ul className="parcels">
        {order.shipments.map((known, at) => {
          const parcel = live[at]?.doc;
          const status = parcel?.status ?? known.status;
          return (
            <li key={known.id} data-testid="parcel" data-status={status}>
              <Icon name="truck" />
              <div>
                <p className="parcel-status">
                  <Cued value={status} of={[`shipment:${known.id}`]}>
                    {shipmentText(status)}
                  </Cued>
                </p>
                <p className="soft">
                  {carrierText(known.carrier)},{" "}
                  <span className="parcel-number">{known.tracking}</span>
                </p>
                {parcel && parcel.history.length > 0 && (
                  <details>
                    <summary>Where it was</summary>
                    <ol>
                      {parcel.history.map((point, index) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: a carrier may say the same twice.
                        <li key={index}>
                          {shipmentText(point.status)}, {momentText(point.at_ms)}
                        </li>
                      ))}
                    </ol>
                  </details>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
