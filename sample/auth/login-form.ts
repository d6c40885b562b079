import * as v from 'valibot';

/** Where a login may lead: to a page of this blog. Anything else, another site above all, is the front page. */
const OwnPage = v.pipe(v.string(), v.regex(/^\/(?!login)(?:[\w-][\w/-]*)?(?:\?page=\d+)?$/));

export const LoginQuery = v.object({ next: v.fallback(OwnPage, '/') });
export type LoginQuery = v.InferOutput<typeof LoginQuery>;

export const LoginForm = v.object({ ...LoginQuery.entries, name: v.string(), password: v.string() });
export type LoginForm = v.InferOutput<typeof LoginForm>;
