/** A product's picture; where it has none, or its address leads nowhere, a drawn one. */

import { useState } from "react";
import type { Product } from "./documents.ts";

interface PictureProps {
  product: Product;
  image: { url: string; alt: string } | undefined;
  size: number;
  /** What stands for it where it is not seen; without it, its own words. */
  alt?: string;
  eager?: boolean;
}

export function Picture({ product, image, size, alt, eager = true }: PictureProps) {
  const drawn = drawnFor(product);
  const [broken, setBroken] = useState<string | null>(null);
  const usable = image !== undefined && image.url !== broken && isAddress(image.url);
  return (
    <img
      src={usable ? image.url : drawn}
      alt={alt ?? (image?.alt || product.title)}
      width={size}
      height={size}
      loading={eager ? "eager" : "lazy"}
      decoding="async"
      onError={() => {
        if (usable) setBroken(image.url);
      }}
    />
  );
}

/** The address of a drawing: a number for an id tells nothing of what it is, its category may. */
function drawnFor({ id, categories }: Product): string {
  const kind = categories.at(-1);
  return `/pictures/${encodeURIComponent(kind ? `${kind}--${id}` : id)}.svg`;
}

/** Feeds also bring bare names of files, which would be looked for beside the page. */
function isAddress(url: string): boolean {
  return url.startsWith("/") || url.startsWith("https://") || url.startsWith("http://");
}
