/** The checked options. */
export const PAGE_CACHE_OPTIONS = Symbol('nestjs-nginx-cache: options');
/** The open `PageStore`. */
export const PAGE_STORE = Symbol('nestjs-nginx-cache: store');

/** Where the list of servers comes from, when it changes while the application runs. */
export const CHANGING_STORE = Symbol('nestjs-nginx-cache: changing store');

/** Opens a server that is not in this process's own list. */
export const OPEN_SERVER = Symbol('nestjs-nginx-cache: open a server');
