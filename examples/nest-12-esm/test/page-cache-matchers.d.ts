import type { PageCacheMatchers } from 'nestjs-nginx-cache/testing';

declare module 'vitest' {
  interface Matchers<T> extends PageCacheMatchers<T> {}
}
