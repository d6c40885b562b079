import * as v from 'valibot';

const text = (name: string, maxLength: number) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, `The ${name} is missing.`),
    v.maxLength(maxLength, `The ${name} is longer than ${maxLength} characters.`),
  );

export const CommentForm = v.object({ author: text('name', 80), text: text('comment', 2000) });
export type CommentForm = v.InferOutput<typeof CommentForm>;
