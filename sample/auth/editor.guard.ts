import {
  ForbiddenException,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';

@Injectable()
export class EditorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { user } = context.switchToHttp().getRequest<Request>().session;
    if (!user) throw new UnauthorizedException('Log in first.');
    if (!user.isEditor) throw new ForbiddenException('Only editors come in here.');
    return true;
  }
}
