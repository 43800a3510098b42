/** The pictures of a product: one large, the others to choose from. */

import { useState } from "react";
import type { Product } from "../shared/documents.ts";

export function Gallery({ product }: { product: Product }) {
  const [at, setAt] = useState(0);
  const image = product.images[at] ?? product.images[0];
  if (image === undefined) {
    return (
      <div className="gallery">
        <div className="gallery-main card-blank" aria-hidden="true">
          {product.title.slice(0, 1)}
        </div>
      </div>
    );
  }
  return (
    <div className="gallery">
      <div className="gallery-main">
        <img
          key={image.url}
          src={image.url}
          alt={image.alt || product.title}
          width={900}
          height={900}
        />
      </div>
      {product.images.length > 1 && (
        <ul className="gallery-others" aria-label="Pictures">
          {product.images.map((one, index) => (
            <li key={one.url}>
              <button
                type="button"
                aria-pressed={one === image}
                aria-label={`Picture ${index + 1}: ${one.alt || product.title}`}
                onClick={() => setAt(index)}
              >
                <img src={one.url} alt="" width={120} height={120} loading="lazy" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
