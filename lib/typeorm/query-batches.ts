import type { ObjectLiteral, QueryRunner } from 'typeorm';

/**
 * Asks once for what is wanted at the same time: TypeORM tells all changes of one `save()` in the same turn. One query after the
 * other on a connection, as drivers want it.
 */
export class QueryBatches<Key extends object, Result> {
  readonly #open = new WeakMap<QueryRunner, Map<Key, { ids: ObjectLiteral[]; result: Promise<Result> }>>();
  readonly #last = new WeakMap<QueryRunner, Promise<unknown>>();

  /** @param ask must not reject */
  constructor(private readonly ask: (runner: QueryRunner, key: Key, ids: ObjectLiteral[]) => Promise<Result>) {}

  /** @returns the answer to the whole batch */
  add(runner: QueryRunner, key: Key, id: ObjectLiteral): Promise<Result> {
    let open = this.#open.get(runner);
    if (!open) this.#open.set(runner, (open = new Map()));
    const batch = open.get(key) ?? this.begin(runner, key, open);
    batch.ids.push(id);
    return batch.result;
  }

  private begin(runner: QueryRunner, key: Key, open: Map<Key, { ids: ObjectLiteral[]; result: Promise<Result> }>) {
    const ids: ObjectLiteral[] = [];
    const result = (this.#last.get(runner) ?? Promise.resolve()).then(() => {
      open.delete(key);
      return this.ask(runner, key, ids);
    });
    this.#last.set(runner, result);
    const batch = { ids, result };
    open.set(key, batch);
    return batch;
  }
}
