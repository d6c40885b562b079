import {
  ChangeSetType,
  Collection,
  type EventArgs,
  type EventSubscriber,
  type FlushEventArgs,
  ReferenceKind,
} from '@mikro-orm/core';
import type { StalePages } from './stale-pages.js';

interface Shown {
  dependentPaths(): string[];
}

/** `orm.em.getEventManager().registerSubscriber(new PurgeSubscriber(stale))` */
export class PurgeSubscriber implements EventSubscriber {
  /** All since it was loaded: what an entity last changed to may have been rolled back. */
  readonly #shown = new WeakMap<Shown, Set<string>>();

  constructor(private readonly stale: StalePages) {}

  onLoad({ meta }: EventArgs<unknown>): void {
    this.stale.tag(meta.className);
  }

  /** The changes are known and nothing is written: this is the last that can be seen of the old state. */
  onFlush({ uow }: FlushEventArgs): void {
    const old = new Map<Shown, object>();
    for (const { entity, meta } of uow.getChangeSets()) {
      const original = uow.getOriginalEntityData(entity);
      // What is new has not been shown.
      if (!original || !isShown(entity)) continue;
      const columns = Object.entries(original).filter(
        ([name]) => meta.properties[name as never]?.kind === ReferenceKind.SCALAR,
      );
      old.set(entity, Object.fromEntries(columns));
    }
    for (const collection of uow.getCollectionUpdates()) {
      const { owner, property } = collection;
      if (!uow.getOriginalEntityData(owner) || !isShown(owner)) continue;
      old.set(owner, { ...old.get(owner), [property.name]: new Collection(owner, collection.getSnapshot()) });
    }
    for (const [entity, values] of old) {
      const copy = Object.create(entity, Object.getOwnPropertyDescriptors(values)) as Shown;
      this.remember(entity, copy.dependentPaths());
    }
  }

  async afterFlush({ uow }: FlushEventArgs): Promise<void> {
    const changes = uow.getChangeSets();
    const removed = new Set<unknown>(changes.filter(isRemoval).map(({ entity }) => entity as unknown));
    const changed = new Set<unknown>(changes.map(({ entity }) => entity as unknown));
    for (const { owner } of uow.getCollectionUpdates()) changed.add(owner);
    const paths = [...changed]
      .filter(isShown)
      .flatMap((entity) => this.remember(entity, removed.has(entity) ? [] : entity.dependentPaths()));
    await this.stale.add(paths);
  }

  private remember(entity: Shown, paths: string[]): string[] {
    const shown = new Set([...(this.#shown.get(entity) ?? []), ...paths]);
    this.#shown.set(entity, shown);
    return [...shown];
  }
}

const isRemoval = ({ type }: { type: ChangeSetType }): boolean => type.startsWith(ChangeSetType.DELETE);

function isShown(entity: unknown): entity is Shown {
  return typeof (entity as Partial<Shown>).dependentPaths === 'function';
}
