import type { InsertEvent, RecoverEvent, RemoveEvent, SoftRemoveEvent, UpdateEvent } from 'typeorm';
import type { ChangedRows } from './changed-rows.js';
import { EntityChangesSubscriber, type Entity, type Write } from './entity-changes.subscriber.js';
import { referenceOf } from './row-reference.js';

/** If there is only one connection, the state that a write replaces must be read before the write. */
export class PlannedChangesSubscriber extends EntityChangesSubscriber {
  beforeInsert(event: InsertEvent<Entity>): Promise<void> | void {
    const { metadata, entity } = event;
    if (metadata.isJunction) return this.before(event, (rows) => this.link(rows, metadata, entity, false));
    if (!this.entities.has(metadata)) return undefined;
    // An entity with an id may be there already: this is an upsert then.
    const reference = referenceOf(metadata, entity);
    if (!reference) return undefined;
    this.given.set(entity, reference);
    return this.before(event, (rows) => rows.add(reference, 'unknown'));
  }

  beforeUpdate(event: UpdateEvent<Entity>): Promise<void> | void {
    return this.isCounted(event) ? this.before(event, (rows) => this.change(rows, event, false)) : undefined;
  }

  beforeRemove(event: RemoveEvent<Entity>): Promise<void> | void {
    const { metadata } = event;
    return this.before(event, (rows) => {
      if (metadata.isJunction) this.link(rows, metadata, event.entityId as Entity | undefined, false);
      else this.change(rows, event, true);
    });
  }

  beforeSoftRemove(event: SoftRemoveEvent<Entity>): Promise<void> | void {
    return this.before(event, (rows) => this.change(rows, event, false));
  }

  beforeRecover(event: RecoverEvent<Entity>): Promise<void> | void {
    return this.before(event, (rows) => this.change(rows, event, false));
  }

  private before(event: Write, note: (rows: ChangedRows) => void): Promise<void> {
    this.attempt(event, note, false);
    return this.purges.beforeWrite(event.queryRunner);
  }
}
