import { Injectable, NotFoundException, type PipeTransform } from '@nestjs/common';

/** One way to write each number, or `?page=02` would be a second address of the second page. */
@Injectable()
export class PageNumberPipe implements PipeTransform<string | undefined, number> {
  transform(value: string | undefined): number {
    if (value === undefined) return 1;
    if (/^[1-9]\d{0,5}$/.test(value) && value !== '1') return Number(value);
    throw new NotFoundException('There is no such page.');
  }
}
