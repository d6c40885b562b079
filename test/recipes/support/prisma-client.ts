import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient, type GetPrismaClientConfig } from '@prisma/client/runtime/client';

/**
 * `config` in the file `internal/class.ts` that `prisma generate` 7.10.0 writes for the schema in it, as it is. Not generated
 * here: the package `prisma`, with all that it needs, is 230 MB, and it asks for an engine to be downloaded.
 */
const config = JSON.parse(
  readFileSync(join(import.meta.dirname, 'prisma-client.json'), 'utf8'),
) as GetPrismaClientConfig;

const COMPILER = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';
const require = createRequire(import.meta.url);

// The lib of TypeScript that Node needs does not know it.
const { Module } = Reflect.get(globalThis, 'WebAssembly') as { Module: new (code: Uint8Array) => object };

/** As the same file goes on. */
const Client = getPrismaClient({
  ...config,
  compilerWasm: {
    getRuntime: () => Promise.resolve(require(`${COMPILER}.js`)),
    getQueryCompilerWasmModule: () => {
      const { wasm } = require(`${COMPILER}.wasm-base64.js`) as { wasm: string };
      return Promise.resolve(new Module(Buffer.from(wasm, 'base64')));
    },
    importName: './query_compiler_fast_bg.js',
  },
});

interface Post {
  id: number;
  slug: string;
  title: string;
}

interface Models {
  post: {
    create(args: { data: Omit<Post, 'id'> }): Promise<Post>;
    createMany(args: { data: Omit<Post, 'id'>[] }): Promise<{ count: number }>;
    update(args: { where: { slug: string }; data: Partial<Post> }): Promise<Post>;
    updateMany(args: { data: Partial<Post> }): Promise<{ count: number }>;
    delete(args: { where: { slug: string } }): Promise<Post>;
    findMany(): Promise<Post[]>;
    findUnique(args: { where: { slug: string } }): Promise<Post | null>;
  };
}

interface PrismaClient extends Models {
  $extends(extension: unknown): PrismaClient;
  $transaction<T>(work: (tx: Models) => Promise<T>): Promise<T>;
  $transaction(queries: Promise<unknown>[]): Promise<unknown[]>;
  $disconnect(): Promise<void>;
}

/** A request is answered inside of a transaction; by itself, Prisma gives it five seconds. */
const PATIENT = { maxWait: 60_000, timeout: 60_000 };

/** A client for posts, with one connection. */
export function prismaClient(connectionString: string): PrismaClient {
  return new Client({
    adapter: new PrismaPg({ connectionString, max: 1 }),
    transactionOptions: PATIENT,
  }) as unknown as PrismaClient;
}
