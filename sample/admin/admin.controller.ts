import {
  Body,
  Controller,
  Get,
  HttpStatus,
  Param,
  ParseIntPipe,
  Post,
  Redirect,
  Render,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { NoPageCache } from 'nestjs-nginx-cache';
import { EditorGuard } from '../auth/editor.guard.js';
import { LoginRedirectFilter } from '../auth/login-redirect.filter.js';
import { CommentsService } from '../comments/comments.service.js';
import { PostsService } from '../posts/posts.service.js';
import { PostForm } from './post-form.js';

@Controller('admin')
@UseGuards(EditorGuard)
@UseFilters(LoginRedirectFilter)
@NoPageCache()
export class AdminController {
  constructor(
    private readonly posts: PostsService,
    private readonly comments: CommentsService,
  ) {}

  @Get()
  @Render('admin/list')
  async list() {
    return { title: 'Posts', posts: await this.posts.all() };
  }

  @Get('posts/new')
  @Render('admin/edit')
  blank() {
    return { title: 'Write a post', action: '/admin/posts' };
  }

  @Post('posts')
  @Redirect('/', HttpStatus.SEE_OTHER)
  async add(@Body({ schema: PostForm }) form: PostForm) {
    return { url: (await this.posts.add(form)).path };
  }

  @Get('posts/:id')
  @Render('admin/edit')
  async edit(@Param('id', ParseIntPipe) id: number) {
    const post = await this.posts.byId(id);
    return { title: 'Edit a post', action: `/admin/posts/${id}`, post, tags: post.tags.join(', ') };
  }

  @Post('posts/:id')
  @Redirect('/', HttpStatus.SEE_OTHER)
  async change(@Param('id', ParseIntPipe) id: number, @Body({ schema: PostForm }) form: PostForm) {
    return { url: (await this.posts.change(id, form)).path };
  }

  @Post('posts/:id/delete')
  @Redirect('/admin', HttpStatus.SEE_OTHER)
  async remove(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.posts.remove(id);
  }

  @Post('comments/:id/delete')
  @Redirect('/', HttpStatus.SEE_OTHER)
  async removeComment(@Param('id', ParseIntPipe) id: number) {
    const { post } = await this.comments.remove(id);
    return { url: `${post.path}#comments` };
  }
}
