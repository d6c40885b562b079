import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity()
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text', { unique: true })
  name!: string;

  @Column('text')
  passwordHash!: string;

  /** Readers may log in, too. */
  @Column('boolean')
  isEditor!: boolean;
}
