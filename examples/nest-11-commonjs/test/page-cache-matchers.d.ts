import type { PageCacheMatchers } from 'nestjs-nginx-cache/testing';

declare global {
  namespace jest {
    interface Matchers<R> extends PageCacheMatchers<R> {}
  }
}
