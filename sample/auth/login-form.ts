import * as v from 'valibot';

/** Where a login may lead; anything else (another site above all) is the admin area's front page. */
const AdminPath = v.pipe(v.string(), v.regex(/^\/admin(?:\/[\w/-]*)?$/));

export const LoginQuery = v.object({ next: v.fallback(AdminPath, '/admin') });
export type LoginQuery = v.InferOutput<typeof LoginQuery>;

export const LoginForm = v.object({ ...LoginQuery.entries, name: v.string(), password: v.string() });
export type LoginForm = v.InferOutput<typeof LoginForm>;
