// What was found, as people see it: a thing and the whole shape around it are one entry.

const WHOLE = "whole shape";

/** The entries of an opened photo in the order of its ranking, numbered from 1.
 *
 * Each has its `main` instance and, where there is one, the `whole` shape around it.
 */
export function groupsOf(opened) {
  const groups = new Map(); // main instance -> its group
  for (const { index } of opened.subject.ranking) {
    const held = opened.instances[index].holds;
    const main = held ?? index;
    if (!groups.has(main)) groups.set(main, { main, whole: null, instances: [main] });
    const group = groups.get(main);
    if (held !== null && group.whole === null) group.whole = index;
    if (!group.instances.includes(index)) group.instances.push(index);
  }
  return [...groups.values()].map((group, at) => ({ ...group, number: at + 1 }));
}

const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

/** What people call an instance. */
export function nameOfInstance({ instances }, index) {
  const { label, is_region: isRegion, holds } = instances[index];
  if (!isRegion) return capital(label);
  return holds === null ? capital(WHOLE) : `${capital(instances[holds].label)}, ${WHOLE}`;
}

/** The server's words with the page's name for regions. */
export const inOurWords = (reason) => reason.replaceAll("salient region", WHOLE);
