/** The right of one process to render a page while the others wait for it. It lapses soon after its process has died. */
export interface RenderLease {
  /** `false` once it is released, or somebody else may have it. */
  readonly isHeld: boolean;
  /** Releases it also when the rendering is of no use any more: its page has been purged. */
  keepWhile(isUseful: () => boolean): void;
  /** @param isPage `false` when others had better render for themselves: what was rendered is for one visitor alone */
  release(isPage: boolean): void;
}

/** What a store says to a process that wants to render a page. */
export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly lease: RenderLease }
  /** `beat` changes several times a second as long as the process lives that renders the page. */
  | { readonly kind: 'taken'; readonly beat: string }
  /** Somebody has just rendered it, and it was no page. */
  | { readonly kind: 'alone' };
