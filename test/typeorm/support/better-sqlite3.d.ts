/** As far as the tests use it: the package has no types of its own. */
declare module 'better-sqlite3-12' {
  export default class Database {
    constructor(file: string, options?: { timeout?: number });
    exec(sql: string): this;
    prepare(sql: string): { run(): unknown };
    close(): this;
  }
}
