import { BadRequestException, StandardSchemaValidationPipe } from '@nestjs/common';

/** Checks what a handler takes against the schema in its `@Body({ schema })`; the messages are written for visitors. */
export const formValidation = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => new BadRequestException(issues.map(({ message }) => message)),
});
