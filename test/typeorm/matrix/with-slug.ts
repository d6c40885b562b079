import { Column, PrimaryGeneratedColumn } from 'typeorm';

export abstract class WithId {
  @PrimaryGeneratedColumn()
  id!: number;
}

export abstract class WithSlug extends WithId {
  @Column('text')
  slug!: string;
}
