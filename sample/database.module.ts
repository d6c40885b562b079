import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { settings } from './settings.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      // SQLite compiled to WebAssembly: nothing to build or install.
      type: 'sqljs',
      ...(settings.database && { location: settings.database, autoSave: true }),
      autoLoadEntities: true,
      synchronize: true,
    }),
  ],
})
export class DatabaseModule {}
