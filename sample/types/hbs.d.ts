/** hbs has no types of its own; this is what the sample uses of it. */
declare module 'hbs' {
  import type { HelperDelegate } from 'handlebars';

  interface Hbs {
    __express: (path: string, options: object, callback: (error: unknown, rendered?: string) => void) => void;
    registerHelper(name: string, helper: HelperDelegate): void;
    registerPartials(directory: string): void;
  }

  const hbs: Hbs & { create(): Hbs };
  export default hbs;
}
