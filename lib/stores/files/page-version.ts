interface FileIdentity {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

/** A renamed or linked file keeps both; a rewritten one has neither. */
export function identityOf({ ino, mtimeNs }: FileIdentity): string {
  return `${ino}.${mtimeNs}`;
}

/**
 * What tells a version of a page from all others: which file each of its forms is. Two processes that place a page at once may
 * leave some forms of one and some of the other; that is a version which nobody has written.
 *
 * @param forms always in the same order, the plain one first
 */
export function versionOf(forms: readonly (FileIdentity | undefined)[]): string {
  return forms.map((form) => (form ? identityOf(form) : '')).join();
}

/** Whether any form of one version is of the other. */
export function shareForm(one: string, other: string): boolean {
  const forms = other.split(',');
  return one.split(',').some((form, index) => form !== '' && form === forms[index]);
}
