/** The checked options. */
export const PAGE_CACHE_OPTIONS = Symbol('nestjs-nginx-cache: options');
/** Stands for everything that nginx must know as well, as `fingerprintOf()` gives it; `undefined` where no nginx reads the store. */
export const FINGERPRINT = Symbol('nestjs-nginx-cache: fingerprint');
/** The open `PageStore`. */
export const PAGE_STORE = Symbol('nestjs-nginx-cache: store');

/** Opens a server that is not in the own list. */
export const OPEN_SERVER = Symbol('nestjs-nginx-cache: open a server');
