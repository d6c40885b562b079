/** Prints one line of a table. */
export function row(label: string, text: string): void {
  console.log(`  ${label.padEnd(10)}  ${text}`);
}
