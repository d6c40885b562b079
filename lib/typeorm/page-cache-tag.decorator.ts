import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';

const PAGE_CACHE_TAG = Symbol('nestjs-nginx-cache: page cache tag');

/**
 * Options of `@PageCacheTag()`.
 *
 * @example
 * @PageCacheTag('users', { ignoreColumns: ['lastLoginAt', 'visits'] })
 *
 * @publicApi
 */
export interface PageCacheTagOptions {
  /** Whether every page whose handler loads such an entity gets the tag automatically. Default `true`. */
  automatic?: boolean;
  /**
   * Columns that no page shows: an update of only these columns purges nothing. Property paths, as in TypeORM.
   *
   * @example
   * @PageCacheTag('users', { ignoreColumns: ['lastLoginAt', 'visits'] })
   */
  ignoreColumns?: readonly string[];
}

interface ClassTag extends PageCacheTagOptions {
  readonly tag: string;
}

/**
 * Sets the tag of an entity class. Bulk writes purge this tag, because TypeORM does not tell which entities they change. Without the
 * decorator, the tag is the name of the entity with a small first letter: `blogPost` for `BlogPost`.
 *
 * @param tag the tag
 * @param options whether pages get the tag automatically, and which columns do not matter
 * @throws {NginxCacheConfigError} when the tag is empty or not a string
 * @example
 * @PageCacheTag('posts')
 * @Entity()
 * export class Post {}
 *
 * @publicApi
 */
export function PageCacheTag(tag: string, options: PageCacheTagOptions = {}): ClassDecorator {
  if (typeof tag !== 'string' || tag === '') throw new NginxCacheConfigError('@PageCacheTag', tag, 'a tag');
  return (target) => Reflect.defineMetadata(PAGE_CACHE_TAG, { ...options, tag } satisfies ClassTag, target);
}

/**
 * Returns the tag of an entity class.
 *
 * @param entity a class, or the name of an entity without a class
 * @returns its tag
 * @example
 * @PageCache({ tags: [pageCacheTagOf(Post)] })
 * @Get('number-of-posts')
 * count() {}
 *
 * @publicApi
 */
export function pageCacheTagOf(entity: (abstract new (...args: never[]) => unknown) | string): string {
  return classTagOf(entity).tag;
}

/** @internal */
export function classTagOf(entity: unknown): ClassTag {
  if (typeof entity === 'function') {
    const own = Reflect.getMetadata(PAGE_CACHE_TAG, entity) as ClassTag | undefined;
    if (own) return own;
  }
  const name = typeof entity === 'function' ? entity.name : String(entity);
  return { tag: name.charAt(0).toLowerCase() + name.slice(1) };
}
