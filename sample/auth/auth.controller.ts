import { promisify } from 'node:util';
import { Body, Controller, Get, HttpStatus, Post, Query, Req, Res, Render } from '@nestjs/common';
import type { Request, Response } from 'express';
import { NoPageCache } from 'nestjs-nginx-cache';
import { LoginForm, LoginQuery } from './login-form.js';
import { SESSION_COOKIE } from './session-cookie.js';
import { UsersService } from './users.service.js';

@Controller()
@NoPageCache()
export class AuthController {
  constructor(private readonly users: UsersService) {}

  @Get('login')
  @Render('login')
  loginPage(@Query({ schema: LoginQuery }) { next }: LoginQuery) {
    return { title: 'Log in', next };
  }

  @Post('login')
  async login(
    @Body({ schema: LoginForm }) { name, password, next }: LoginForm,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const user = await this.users.identify(name, password);
    if (!user) {
      response.status(HttpStatus.UNAUTHORIZED).render('login', { title: 'Log in', next, name, failed: true });
      return;
    }
    // A new session id, in case someone planted the old one (session fixation).
    await promisify(request.session.regenerate.bind(request.session))();
    request.session.user = { id: user.id, name: user.name, isEditor: user.isEditor };
    response.redirect(HttpStatus.SEE_OTHER, next);
  }

  @Post('logout')
  async logout(@Req() request: Request, @Res() response: Response): Promise<void> {
    await promisify(request.session.destroy.bind(request.session))();
    response.clearCookie(SESSION_COOKIE).redirect(HttpStatus.SEE_OTHER, '/');
  }
}
