import type { TargetPath } from '../purging/purge-target.js';

/** @throws {TypeError} when there is a subtree among them */
export function pagesAmong(targets: readonly TargetPath[]): readonly TargetPath[] {
  const subtree = targets.find(({ isSubtree }) => isSubtree);
  if (!subtree) return targets;
  throw new TypeError(
    `${subtree.path}/* is not a page: publish() and refresh() take pages one by one, purge() and purgeUnder() a subtree`,
  );
}
