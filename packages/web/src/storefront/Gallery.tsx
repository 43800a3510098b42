/** The pictures of a product: one large, the others to choose from. */

import { useEffect, useState } from "react";
import type { Product, Variant } from "../shared/documents.ts";
import { Picture } from "../shared/Picture.tsx";

/** Which picture shows the variant: one whose words name a value of its options; else the first. */
export function pictureOf(product: Product, variant: Variant | undefined): number {
  const values = Object.values(variant?.options ?? {}).map((value) => value.toLowerCase());
  const at = product.images.findIndex(({ alt }) => {
    const words = alt.toLowerCase().split(/[^\p{L}\p{N}]+/u);
    return values.some((value) => words.includes(value));
  });
  return Math.max(0, at);
}

interface GalleryProps {
  product: Product;
  variant: Variant | undefined;
}

export function Gallery({ product, variant }: GalleryProps) {
  const shows = pictureOf(product, variant);
  const [at, setAt] = useState(shows);
  useEffect(() => setAt(shows), [shows]);
  const image = product.images[at] ?? product.images[0];
  return (
    <div className="gallery">
      <div className="gallery-main">
        <Picture key={image?.url ?? ""} product={product} image={image} size={900} />
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
                <Picture product={product} image={one} size={120} alt="" eager={false} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
