import type { ApplicationConfig, ModuleRef } from '@nestjs/core';

/**
 * What `app.useGlobalGuards()`, `APP_GUARD` and `app.enableVersioning()` have set. Nest does not inject it, but every `ModuleRef` has the
 * container that holds it.
 *
 * @throws {Error} when this version of Nest keeps it elsewhere: it would then be unknown which pages are behind a guard
 */
export function applicationConfigOf(modules: ModuleRef): ApplicationConfig {
  const { container } = modules as unknown as { container?: { applicationConfig?: ApplicationConfig } };
  const config = container?.applicationConfig;
  if (config) return config;
  throw new Error(
    'nestjs-nginx-cache does not find ApplicationConfig in this version of @nestjs/core, so it does not know the global guards. Use a supported version of Nest.',
  );
}
