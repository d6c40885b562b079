import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Post } from './post.entity.js';
import { slugOf } from './slug.js';

const POSTS_PER_PAGE = 5;

export type PostText = Pick<Post, 'title' | 'summary' | 'body' | 'tags'>;

@Injectable()
export class PostsService {
  constructor(@InjectRepository(Post) private readonly posts: Repository<Post>) {}

  all(): Promise<Post[]> {
    return this.posts.find({ relations: { comments: true }, order: { publishedAt: 'DESC', id: 'DESC' } });
  }

  /** @param number counted from 1 */
  async page(number: number): Promise<{ posts: Post[]; isLast: boolean }> {
    const [posts, total] = await this.posts.findAndCount({
      relations: { comments: true },
      order: { publishedAt: 'DESC', id: 'DESC' },
      skip: (number - 1) * POSTS_PER_PAGE,
      take: POSTS_PER_PAGE,
    });
    if (!posts.length && number > 1) throw new NotFoundException('There is no such page.');
    return { posts, isLast: number * POSTS_PER_PAGE >= total };
  }

  async tagged(tag: string): Promise<Post[]> {
    const posts = (await this.all()).filter((post) => post.tags.includes(tag));
    if (!posts.length) throw new NotFoundException('No post has this tag.');
    return posts;
  }

  async bySlug(slug: string): Promise<Post> {
    return this.found(await this.posts.findOne({ where: { slug }, ...withComments }));
  }

  async byId(id: number): Promise<Post> {
    return this.found(await this.posts.findOne({ where: { id }, ...withComments }));
  }

  exists(): Promise<boolean> {
    return this.posts.exists();
  }

  async add(text: PostText, slug = slugOf(text.title) || 'post', publishedAt = new Date()): Promise<Post> {
    const taken = await this.posts.existsBy({ slug });
    const unique = taken ? `${slug}-${publishedAt.getTime().toString(36)}` : slug;
    return this.posts.save(this.posts.create({ ...text, slug: unique, publishedAt }));
  }

  async change(id: number, text: PostText): Promise<Post> {
    return this.posts.save(Object.assign(await this.byId(id), text));
  }

  async remove(id: number): Promise<void> {
    await this.posts.remove(await this.byId(id));
  }

  private found(post: Post | null): Post {
    if (!post) throw new NotFoundException('There is no such post.');
    return post;
  }
}

const withComments = { relations: { comments: true }, order: { comments: { writtenAt: 'ASC', id: 'ASC' } } } as const;
