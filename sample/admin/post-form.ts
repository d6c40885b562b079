import * as v from 'valibot';
import { slugOf } from '../posts/slug.js';

const line = (name: string) => v.pipe(v.string(), v.trim(), v.minLength(1, `The ${name} is missing.`));

/** Tags come as one line, separated by commas. */
const Tags = v.pipe(
  v.string(),
  v.transform((tags) => [...new Set(tags.split(',').map(slugOf).filter(Boolean))]),
);

export const PostForm = v.object({ title: line('title'), summary: line('summary'), body: line('text'), tags: Tags });
export type PostForm = v.InferOutput<typeof PostForm>;
