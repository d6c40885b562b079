import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { UsersService } from '../auth/users.service.js';
import { PostsService } from '../posts/posts.service.js';
import { settings } from '../settings.js';
import { readGuides } from './guides.js';

const DAY = 86_400_000;

/** Fills an empty database: an editor and a reader who can log in, and this project's guides as posts. */
@Injectable()
export class SeedService implements OnApplicationBootstrap {
  constructor(
    private readonly users: UsersService,
    private readonly posts: PostsService,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!(await this.users.exists())) {
      await this.users.add({ ...settings.editor, isEditor: true });
      await this.users.add({ ...settings.reader, isEditor: false });
    }
    if (!(await this.posts.exists())) await this.addGuides();
  }

  /** A day apart, so that the newest-first index lists them in reading order. */
  private async addGuides(): Promise<void> {
    const guides = await readGuides();
    for (const [index, { slug, text }] of guides.entries()) {
      await this.posts.add(text, slug, new Date(Date.now() - index * DAY));
    }
  }
}
