/** The right of one process to render a page while the others wait for it. It lapses soon after its process has died. */
export interface RenderLease {
  /** `false` once the lease is released, or another process may have it. */
  readonly isHeld: boolean;
  /** Also releases the lease when the rendering is of no use any more, because its page has been purged. */
  keepWhile(isUseful: () => boolean): void;
  /** @param isPage `false` when other processes should render for themselves, because the response is for one visitor alone */
  release(isPage: boolean): void;
}

/** The answer of a store to a process that wants to render a page. */
export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly lease: RenderLease }
  /** `beat` changes several times a second as long as the process that renders the page is alive. */
  | { readonly kind: 'taken'; readonly beat: string }
  /** A process has just rendered it, and the response was no page. */
  | { readonly kind: 'alone' };
