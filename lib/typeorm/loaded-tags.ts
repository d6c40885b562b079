import type { DataSource, EntityMetadata, ObjectLiteral } from 'typeorm';
import type { PageCacheService } from '../module/page-cache.service.js';
import type { PageDraft } from '../page/page-draft.js';
import type { WatchedEntities } from './watched-entities.js';

/** Puts the tags of loaded entities on the page that is being rendered. */
export class LoadedTags {
  readonly #classes: ReadonlyMap<unknown, EntityMetadata>;
  readonly #seen = new WeakMap<PageDraft, WeakSet<object>>();

  constructor(
    { entityMetadatas }: DataSource,
    private readonly entities: WatchedEntities,
    private readonly pages: PageCacheService,
  ) {
    this.#classes = new Map(entityMetadatas.map((metadata) => [metadata.target, metadata]));
  }

  loaded(entity: ObjectLiteral, metadata: EntityMetadata): void {
    const page = this.pages.current();
    if (!page) return;
    this.tag(page, metadata);
    for (const key of Object.keys(entity))
      if (!(key in metadata.propertiesMap)) this.mapped(page, valueOf(entity, key));
  }

  /** What `leftJoinAndMapOne()` and the like put on an entity. TypeORM reports neither these entities nor those that come with them. */
  private mapped(page: PageDraft, value: unknown): void {
    if (typeof value !== 'object' || value === null || this.isSeen(page, value)) return;
    if (Array.isArray(value)) {
      for (const one of value) this.mapped(page, one);
      return;
    }
    const metadata = this.#classes.get(value.constructor);
    if (!metadata) return;
    this.tag(page, metadata);
    for (const key of Object.keys(value)) this.mapped(page, valueOf(value, key));
  }

  private isSeen(page: PageDraft, value: object): boolean {
    let seen = this.#seen.get(page);
    if (!seen) this.#seen.set(page, (seen = new WeakSet()));
    const isSeen = seen.has(value);
    seen.add(value);
    return isSeen;
  }

  private tag(page: PageDraft, metadata: EntityMetadata): void {
    if (this.entities.has(metadata) && this.entities.tagsPages(metadata)) page.tag(this.entities.tagOf(metadata));
  }
}

/** Without a call of a getter, which belongs to the application. */
function valueOf(owner: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(owner, key)?.value;
}
