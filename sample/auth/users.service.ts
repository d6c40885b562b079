import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { hashPassword, isPassword } from './password.js';
import { User } from './user.entity.js';

export interface NewUser extends Pick<User, 'name' | 'isEditor'> {
  password: string;
}

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async add({ name, password, isEditor }: NewUser): Promise<void> {
    await this.users.save({ name, isEditor, passwordHash: await hashPassword(password) });
  }

  exists(): Promise<boolean> {
    return this.users.exists();
  }

  /** @returns nobody when the name or the password is wrong */
  async identify(name: string, password: string): Promise<User | undefined> {
    const user = await this.users.findOneBy({ name });
    return user && (await isPassword(password, user.passwordHash)) ? user : undefined;
  }
}
