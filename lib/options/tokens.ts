/** The checked options. */
export const PAGE_CACHE_OPTIONS = Symbol('nestjs-nginx-cache: options');
/** The open `PageStore`. */
export const PAGE_STORE = Symbol('nestjs-nginx-cache: store');
